# Compiler flags shared by every target, and the sanitizer switches that the presets set.
set(THRONG_SANITIZE "" CACHE STRING "address, thread or empty")
option(THRONG_FUZZ "Build the libFuzzer targets (clang)" OFF)

add_library(throng_flags INTERFACE)
target_include_directories(throng_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR})
target_compile_options(throng_flags INTERFACE -Wall -Wextra -Wpedantic -Werror -Wvla
                       -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False positives of g++ 12 in inlined library code (GCC bugs 105329, 105562).
  target_compile_options(throng_flags INTERFACE -Wno-restrict -Wno-maybe-uninitialized)
endif()
# -O3 buys nothing here that was measured, and costs compile time and size.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(throng_flags INTERFACE -Wthread-safety)
endif()

if(THRONG_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(THRONG_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
endif()
if(THRONG_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()
