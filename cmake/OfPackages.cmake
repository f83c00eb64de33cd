# Man pages, and two Debian packages: the compiler, and the runtime, which needs no LLVM. After a build:
#   cmake --install build --component runtime     (cd build && cpack)
find_package(Python3 REQUIRED COMPONENTS Interpreter)

# of_man_pages(<component> <tool>...): from what the tools say with --help.
function(of_man_pages component)
  foreach(tool ${ARGN})
    set(page ${CMAKE_BINARY_DIR}/man/${tool}.1.gz)
    add_custom_command(OUTPUT ${page}
      COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_SOURCE_DIR}/tools/docs/man.py ${CMAKE_BINARY_DIR}/man ${PROJECT_VERSION} $<TARGET_FILE:${tool}>
      DEPENDS ${tool} ${CMAKE_SOURCE_DIR}/tools/docs/man.py ${CMAKE_SOURCE_DIR}/tools/docs/reference.py VERBATIM)
    list(APPEND pages ${page})
  endforeach()
  add_custom_target(man-${component} ALL DEPENDS ${pages})
  install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT ${component})
endfunction()

of_man_pages(runtime of-run of-plan)
set(CPACK_COMPONENTS_ALL runtime)
if(OF_BUILD_COMPILER)
  of_man_pages(compiler of-compile of-opt)
  # Debian keeps LLVM's libraries where the loader does not look by itself.
  set_target_properties(of-compile of-opt PROPERTIES INSTALL_RPATH ${LLVM_LIBRARY_DIR})
  list(APPEND CPACK_COMPONENTS_ALL compiler)
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "oneflow-compiler")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Compiler and runtime for training neural networks on several machines")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME oneflow-runtime)
set(CPACK_DEBIAN_COMPILER_PACKAGE_NAME oneflow-compiler)
# of-compile asks of-run what the libraries of this machine need.
set(CPACK_DEBIAN_COMPILER_PACKAGE_DEPENDS "oneflow-runtime (= ${PROJECT_VERSION})")
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "Runs training plans, one process per node
of-run trains what oneflow-compiler has planned; of-plan shows, checks and simulates plans. Neither needs LLVM.")
set(CPACK_COMPONENT_COMPILER_DESCRIPTION "Plans the training of neural networks for a cluster
of-compile maps a model written for one device onto several machines.")
include(CPack)
