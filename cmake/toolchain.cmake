set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

set(PD_SANITIZE "" CACHE STRING "Sanitizers to build with, as for -fsanitize= (address,undefined or thread)")

add_compile_options(-Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                    -Wold-style-cast -Wimplicit-fallthrough -fstack-protector-strong)
# g++ reports uninitialised or freed memory in the frames of coroutines and std::optional where there is none.
add_compile_options(-Wno-maybe-uninitialized $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>)
# clang, which builds the fuzz targets, does not know all of g++'s warnings, and has one about what libstdc++ itself calls.
add_compile_options("$<$<CXX_COMPILER_ID:Clang>:-Wno-unknown-warning-option;-Wno-deprecated-declarations>")
# When it optimises, g++ 12 takes std::string's operator+ of two temporaries for an overrun.
set(PD_OPTIMISES $<CONFIG:Release>)
if(PD_SANITIZE)
  set(PD_OPTIMISES 1)
endif()
add_compile_options("$<$<AND:$<CXX_COMPILER_ID:GNU>,${PD_OPTIMISES}>:-Wno-array-bounds;-Wno-restrict;-Wno-stringop-overflow>")
add_compile_definitions(BOOST_ALL_NO_LIB)  # as cpprestsdk's package has it; the precompiled headers need one answer
add_compile_definitions($<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
add_link_options(-Wl,-z,relro,-z,now -Wl,--as-needed)
if(PD_FUZZ)
  add_compile_definitions(BOOST_ASIO_HAS_CO_AWAIT BOOST_ASIO_HAS_STD_COROUTINE)  # Boost 1.74 doesn't know it of clang
  add_compile_definitions(_GLIBCXX_ASSERTIONS)  # an index that is out of range is found, though nothing is overrun
endif()
if(PD_SANITIZE)
  add_compile_options(-fsanitize=${PD_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PD_SANITIZE})
  if(PD_SANITIZE MATCHES thread)
    add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)  # Asio's fences are unknown to it; there are locks beside them
  endif()
  if(PD_SANITIZE MATCHES undefined)
    add_compile_options(-fno-sanitize=vptr)  # libcpprest hides its type information: each of its streams would be "wrong"
  endif()
endif()

# Not sloppy about the time of headers: one that is edited during a compilation would get the object of its old text.
find_program(PD_CCACHE ccache)
if(PD_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${PD_CCACHE})
  add_compile_options(-fpch-preprocess)
endif()

# Two precompiled headers, shared by every target: plain, and with Asio's coroutines.
foreach(kind plain asio)
  set(source ${CMAKE_BINARY_DIR}/pch/${kind}.cpp)
  file(WRITE ${source}.in "")
  configure_file(${source}.in ${source} COPYONLY)
  add_library(pd_pch_${kind} OBJECT ${source})
  target_precompile_headers(pd_pch_${kind} PRIVATE ${CMAKE_SOURCE_DIR}/cmake/precompiled_${kind}.h)
endforeach()
