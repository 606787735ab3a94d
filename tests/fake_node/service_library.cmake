# pd_service_library(name PROTO file MESSAGES library): the gRPC stubs that protoc makes of `file`, in <build>/generated/<name>,
# for servers of our tests. `library` has the file's messages (daemonset/message_library.cmake).
find_package(gRPC CONFIG REQUIRED)

function(pd_service_library name)
  cmake_parse_arguments(arg "" "PROTO;MESSAGES" "" ${ARGN})
  get_filename_component(folder ${arg_PROTO} DIRECTORY)
  get_filename_component(stem ${arg_PROTO} NAME_WE)
  set(output ${CMAKE_BINARY_DIR}/generated/${name})
  file(MAKE_DIRECTORY ${output})
  add_custom_command(
    OUTPUT ${output}/${stem}.grpc.pb.cc ${output}/${stem}.grpc.pb.h
    COMMAND protobuf::protoc --proto_path=${folder} --grpc_out=${output}
            --plugin=protoc-gen-grpc=$<TARGET_FILE:gRPC::grpc_cpp_plugin> ${arg_PROTO}
    DEPENDS ${arg_PROTO}
    VERBATIM)
  add_library(${name} STATIC ${output}/${stem}.grpc.pb.cc)
  set_target_properties(${name} PROPERTIES CXX_CLANG_TIDY "")
  target_compile_options(${name} PRIVATE -w)
  target_include_directories(${name} SYSTEM PUBLIC ${output})
  # A unix socket needs no TLS: the smaller variants of the libraries do.
  target_link_libraries(${name} PUBLIC ${arg_MESSAGES} grpc++_unsecure grpc_unsecure gpr absl_synchronization)
endfunction()
