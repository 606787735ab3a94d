# Layers, programs and their tests. Each layer's headers are reached through an include root of its own
# (<build>/include/<layer>/<layer> -> src/<layer>), so a target can include only what it links.

function(pd_include_root target name folder)
  set(root ${CMAKE_BINARY_DIR}/include/${name})
  file(MAKE_DIRECTORY ${root})
  file(CREATE_LINK ${folder} ${root}/${name} SYMBOLIC)
  target_include_directories(${target} PUBLIC ${root})
endfunction()

function(pd_use_pch target asio)
  if(asio)
    target_precompile_headers(${target} REUSE_FROM pd_pch_asio)
  else()
    target_precompile_headers(${target} REUSE_FROM pd_pch_plain)
  endif()
endfunction()

# pd_layer(name LAYERS other... LINK public... PRIVATE_LINK private... [ASIO])
function(pd_layer name)
  cmake_parse_arguments(arg "ASIO" "" "LAYERS;LINK;PRIVATE_LINK" ${ARGN})
  set(folder ${CMAKE_SOURCE_DIR}/src/${name})
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cpp)
  add_library(pd_${name} STATIC ${sources})
  pd_include_root(pd_${name} ${name} ${folder})
  list(TRANSFORM arg_LAYERS PREPEND pd_)
  target_link_libraries(pd_${name} PUBLIC ${arg_LAYERS} ${arg_LINK} PRIVATE ${arg_PRIVATE_LINK})
  if(arg_ASIO)
    target_link_libraries(pd_${name} PUBLIC Boost::headers)  # Asio and Beast are headers only
  endif()
  pd_use_pch(pd_${name} ${arg_ASIO})
endfunction()

# pd_program(pd-name FOLDER folder LAYERS ... LINK ... [ASIO] [STATIC])
# Everything but each main.cpp is a library, so that tests link the program's parts. A STATIC program needs no file at run time.
function(pd_program name)
  cmake_parse_arguments(arg "ASIO;STATIC" "FOLDER" "LAYERS;LINK" ${ARGN})
  set(folder ${CMAKE_SOURCE_DIR}/${arg_FOLDER})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${folder}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main[.]cpp$")
  add_library(pd_${arg_FOLDER} STATIC ${sources})
  pd_include_root(pd_${arg_FOLDER} ${arg_FOLDER} ${folder})
  list(TRANSFORM arg_LAYERS PREPEND pd_)
  target_link_libraries(pd_${arg_FOLDER} PUBLIC ${arg_LAYERS} ${arg_LINK})
  pd_use_pch(pd_${arg_FOLDER} ${arg_ASIO})
  add_executable(${name} ${folder}/main.cpp)
  target_link_libraries(${name} PRIVATE pd_${arg_FOLDER})
  target_compile_definitions(${name} PRIVATE PD_VERSION="${PROJECT_VERSION}")
  if(arg_STATIC AND NOT PD_SANITIZE)
    target_link_options(${name} PRIVATE -static)
  endif()
endfunction()

# pd_tests(name [LINK ...]): one test program of all tests/<name>/*_test.cpp; every TEST is known to ctest by name.
function(pd_tests name)
  cmake_parse_arguments(arg "" "LABEL" "LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${name}/*_test.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(${name}_tests ${sources})
  target_link_libraries(${name}_tests PRIVATE pd_${name} ${arg_LINK} GTest::gmock GTest::gtest_main)
  target_include_directories(${name}_tests PRIVATE ${CMAKE_SOURCE_DIR})
  # Relative to the tests' working directory, so that a clone elsewhere finds them compiled in the cache.
  target_compile_definitions(${name}_tests PRIVATE PD_TEST_DATA="tests/data")
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  include(GoogleTest)
  gtest_discover_tests(${name}_tests TEST_PREFIX ${name}. WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
                       DISCOVERY_TIMEOUT 60
                       PROPERTIES LABELS ${arg_LABEL} TIMEOUT 120
                                  ENVIRONMENT "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/tsan.supp")
endfunction()
