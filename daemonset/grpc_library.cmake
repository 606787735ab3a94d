# pd_grpc_library(name PROTO file): a library of the code that protoc makes of `file`, in <build>/generated/<name>.
# Generated code is not ours to keep tidy: no warnings, no precompiled header, no clang-tidy.
find_package(Threads REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)

function(pd_grpc_library name)
  cmake_parse_arguments(arg "" "PROTO" "" ${ARGN})
  get_filename_component(folder ${arg_PROTO} DIRECTORY)
  get_filename_component(stem ${arg_PROTO} NAME_WE)
  set(output ${CMAKE_BINARY_DIR}/generated/${name})
  file(MAKE_DIRECTORY ${output})
  set(sources ${output}/${stem}.pb.cc ${output}/${stem}.grpc.pb.cc)
  add_custom_command(
    OUTPUT ${sources} ${output}/${stem}.pb.h ${output}/${stem}.grpc.pb.h
    COMMAND protobuf::protoc --proto_path=${folder} --cpp_out=${output} --grpc_out=${output}
            --plugin=protoc-gen-grpc=$<TARGET_FILE:gRPC::grpc_cpp_plugin> ${arg_PROTO}
    DEPENDS ${arg_PROTO}
    VERBATIM)
  add_library(${name} STATIC ${sources})
  set_target_properties(${name} PROPERTIES CXX_CLANG_TIDY "")
  target_compile_options(${name} PRIVATE -w)
  target_include_directories(${name} SYSTEM PUBLIC ${output})
  # A unix socket needs no TLS, and our messages no descriptors: the smaller variants of both libraries do.
  target_link_libraries(${name} PUBLIC grpc++_unsecure grpc_unsecure gpr absl_synchronization protobuf::libprotobuf-lite Threads::Threads)
endfunction()
