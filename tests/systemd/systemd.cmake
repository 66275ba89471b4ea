# The daemon as a service: what a service manager tells it and hears of it, the units, the packages.
add_test(NAME systemd_notify
    COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/systemd/test_notify.py ${CMAKE_BINARY_DIR}/bin)
add_test(NAME systemd_units
    COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/systemd/test_units.py ${CMAKE_BINARY_DIR})
set_tests_properties(systemd_notify systemd_units PROPERTIES
    TIMEOUT 300 SKIP_RETURN_CODE 77 LABELS integration)
# The packages in Debian 12 and 13, booted: downloads them, so only when asked for.
add_custom_target(booted
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/systemd/booted.sh ${CMAKE_BINARY_DIR} bookworm
    USES_TERMINAL VERBATIM)
