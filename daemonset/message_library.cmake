# pd_message_library(name PROTO file): a library of the messages that protoc makes of `file`, in <build>/generated/<name>.
# Generated code is not ours to keep tidy: no warnings, no precompiled header, no clang-tidy.
find_package(Threads REQUIRED)
find_package(Protobuf REQUIRED)

function(pd_message_library name)
  cmake_parse_arguments(arg "" "PROTO" "" ${ARGN})
  get_filename_component(folder ${arg_PROTO} DIRECTORY)
  get_filename_component(stem ${arg_PROTO} NAME_WE)
  set(output ${CMAKE_BINARY_DIR}/generated/${name})
  file(MAKE_DIRECTORY ${output})
  add_custom_command(
    OUTPUT ${output}/${stem}.pb.cc ${output}/${stem}.pb.h
    COMMAND protobuf::protoc --proto_path=${folder} --cpp_out=${output} ${arg_PROTO}
    DEPENDS ${arg_PROTO}
    VERBATIM)
  add_library(${name} STATIC ${output}/${stem}.pb.cc)
  set_target_properties(${name} PROPERTIES CXX_CLANG_TIDY "")
  target_compile_options(${name} PRIVATE -w)
  target_include_directories(${name} SYSTEM PUBLIC ${output})
  target_link_libraries(${name} PUBLIC protobuf::libprotobuf-lite Threads::Threads)  # our messages need no descriptors
endfunction()
