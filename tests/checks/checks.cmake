# What looks at the sources, or at the tests while they run. Each is a target of its own; `checks` is all.
set(CHECKS ${CMAKE_CURRENT_SOURCE_DIR}/checks/checks.py ${PROJECT_SOURCE_DIR} ${CMAKE_BINARY_DIR})
foreach(name cppcheck tidy analyzer valgrind coverage)
    add_custom_target(${name} COMMAND ${PYTHON3} ${CHECKS} ${name} USES_TERMINAL VERBATIM)
endforeach()
add_custom_target(checks
    COMMAND ${PYTHON3} ${CHECKS} cppcheck tidy analyzer valgrind coverage USES_TERMINAL VERBATIM)
