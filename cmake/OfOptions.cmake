# Compiler settings shared by every target: ccache, warnings, sanitizers, the install layout.
include(GNUInstallDirs)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_program(OF_CCACHE ccache)
if(OF_CCACHE)
  # Precompiled headers hit only when their defines and times are not part of the key.
  set(_launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${OF_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${_launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${_launcher})
endif()

add_compile_options(-Wall -Wextra -Wno-unused-parameter -Wno-comment)
# Two hosts must compute the same bits: the compiler may not contract a*b+c behind our back.
add_compile_options(-ffp-contract=off)
if(OF_SANITIZE)
  add_compile_options(-fsanitize=${OF_SANITIZE} -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${OF_SANITIZE})
endif()
