# One library and one unit-test program per folder of src/.
#
#   throng_folder(http DEPENDS base os LINK nghttp2)
#
# makes throng_http from src/http/*.cc, throng_http_testing from src/http/testing/*.cc (fakes), and
# http_test from src/http/*_test.cc. Tests are labelled "unit" and built by the target unit_tests.
# With NESTED the folders right below it (src/storage/gcs/) are parts of it, sources and tests.
add_custom_target(unit_tests)

function(throng_folder FOLDER)
  cmake_parse_arguments(ARG "NESTED" "" "DEPENDS;LINK" ${ARGN})
  string(REPLACE "/" "_" NAME ${FOLDER})
  set(DIR ${CMAKE_SOURCE_DIR}/src/${FOLDER})
  file(GLOB SOURCES CONFIGURE_DEPENDS ${DIR}/*.cc)
  file(GLOB TESTS CONFIGURE_DEPENDS ${DIR}/*_test.cc)
  file(GLOB TESTING CONFIGURE_DEPENDS ${DIR}/testing/*.cc)
  if(ARG_NESTED)
    file(GLOB NESTED_SOURCES CONFIGURE_DEPENDS ${DIR}/*/*.cc)
    list(FILTER NESTED_SOURCES EXCLUDE REGEX "/testing/[^/]*$")
    file(GLOB NESTED_TESTS CONFIGURE_DEPENDS ${DIR}/*/*_test.cc)
    list(APPEND SOURCES ${NESTED_SOURCES})
    list(APPEND TESTS ${NESTED_TESTS})
  endif()
  list(REMOVE_ITEM SOURCES ${TESTS})
  set(LIBRARIES "")
  foreach(DEPENDENCY ${ARG_DEPENDS})
    string(REPLACE "/" "_" DEPENDENCY ${DEPENDENCY})
    list(APPEND LIBRARIES throng_${DEPENDENCY})
  endforeach()

  if(SOURCES)
    add_library(throng_${NAME} STATIC ${SOURCES})
    target_link_libraries(throng_${NAME} PRIVATE throng_flags PUBLIC ${LIBRARIES} ${ARG_LINK})
    target_include_directories(throng_${NAME} PUBLIC ${CMAKE_SOURCE_DIR}/src)
    set(SCOPE PUBLIC)
  else()
    add_library(throng_${NAME} INTERFACE)
    target_link_libraries(throng_${NAME} INTERFACE ${LIBRARIES} ${ARG_LINK})
    target_include_directories(throng_${NAME} INTERFACE ${CMAKE_SOURCE_DIR}/src)
  endif()

  if(TESTING)
    add_library(throng_${NAME}_testing STATIC ${TESTING})
    target_link_libraries(throng_${NAME}_testing PRIVATE throng_flags
                          PUBLIC throng_${NAME} GTest::gtest)
  else()
    add_library(throng_${NAME}_testing INTERFACE)
    target_link_libraries(throng_${NAME}_testing INTERFACE throng_${NAME})
  endif()

  if(TESTS)
    set(TESTING_LIBRARIES throng_${NAME}_testing)
    foreach(LIBRARY ${LIBRARIES})
      list(APPEND TESTING_LIBRARIES ${LIBRARY}_testing)
    endforeach()
    add_executable(${NAME}_test ${TESTS})
    set_target_properties(${NAME}_test PROPERTIES
                          RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    target_compile_definitions(${NAME}_test PRIVATE
                               THRONG_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    target_link_libraries(${NAME}_test PRIVATE throng_flags throng_${NAME} ${TESTING_LIBRARIES}
                          GTest::gtest GTest::gtest_main)
    add_test(NAME ${NAME}_test COMMAND ${NAME}_test)
    set_tests_properties(${NAME}_test PROPERTIES LABELS unit TIMEOUT 300)
    add_dependencies(unit_tests ${NAME}_test)
  endif()
endfunction()

# throng_runner(onnx SOURCES main.cc onnx_backend.cc [LINK ...]): the runner program of a framework,
# build/libexec/throng-runner-onnx, with its manifest beside it. The manifest is installed even when
# the framework is not there, so that the server can say how to get it.
function(throng_runner FRAMEWORK)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  throng_runner_manifest(${FRAMEWORK})
  add_executable(throng-runner-${FRAMEWORK} ${ARG_SOURCES})
  set_target_properties(throng-runner-${FRAMEWORK} PROPERTIES
                        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/libexec)
  target_link_libraries(throng-runner-${FRAMEWORK} PRIVATE throng_flags throng_sdk ${ARG_LINK})
endfunction()

function(throng_runner_manifest FRAMEWORK)
  configure_file(${CMAKE_CURRENT_SOURCE_DIR}/${FRAMEWORK}.manifest
                 ${CMAKE_BINARY_DIR}/libexec/${FRAMEWORK}.manifest COPYONLY)
endfunction()
