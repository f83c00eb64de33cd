# The kinds of target of this tree. Includes are root-relative, so a line names its layer.

# of_runtime_library(<name> SOURCES ... DEPS ...): plain C++ without LLVM.
function(of_runtime_library name)
  cmake_parse_arguments(A "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${A_SOURCES})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/include ${CMAKE_BINARY_DIR})
  target_link_libraries(${name} PUBLIC ${A_DEPS})
endfunction()

# of_catch_test(<name> SOURCES ... DEPS ... [TIMEOUT s]): one Catch2 executable, one ctest entry.
function(of_catch_test name)
  cmake_parse_arguments(A "" "TIMEOUT" "SOURCES;DEPS" ${ARGN})
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 120)
  endif()
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE ${A_DEPS} of-catch-main)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${A_TIMEOUT})
endfunction()

# of_embed(<header> NAMESPACE <ns> [<constant> <files>...]...): a header of C strings, each the texts of files one after another.
# A constant begins with k, a file does not.
function(of_embed header)
  cmake_parse_arguments(A "" "NAMESPACE" "" ${ARGN})
  set(body "")
  set(open FALSE)
  foreach(word ${A_UNPARSED_ARGUMENTS})
    if(word MATCHES "^k[A-Z]")
      if(open)
        string(APPEND body ")of-text\";\n")
      endif()
      string(APPEND body "inline constexpr const char *${word} = R\"of-text(")
      set(open TRUE)
    else()
      file(READ ${word} text)
      string(APPEND body "${text}")
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${word})
    endif()
  endforeach()
  file(CONFIGURE OUTPUT ${header} @ONLY
    CONTENT "#pragma once\nnamespace ${A_NAMESPACE} {\n@body@)of-text\";\n} // namespace ${A_NAMESPACE}\n")
endfunction()
