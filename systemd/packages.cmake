# The packages: `cmake --build BUILD --target deb` makes bobbin, libbobbin0 and libbobbin-dev, a .tar.gz of
# all three, and a bill of materials, in BUILD/packages. It configures and builds the tree once more, for /usr.
set(BOBBIN_PACKAGES OFF CACHE BOOL "This is the build that the packages are made from")
set(BOBBIN_DEB_REVISION 1 CACHE STRING "Debian revision of the packages")

if(NOT BOBBIN_PACKAGES)
    find_program(GIT git)
    set(epoch "$ENV{SOURCE_DATE_EPOCH}")
    if(NOT epoch AND GIT)
        execute_process(COMMAND ${GIT} -C ${PROJECT_SOURCE_DIR} log -1 --format=%ct
            OUTPUT_VARIABLE epoch OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    endif()
    if(NOT epoch)
        file(TIMESTAMP ${PROJECT_SOURCE_DIR}/CHANGELOG.md epoch "%s" UTC)
    endif()
    set(tree ${CMAKE_BINARY_DIR}/package-tree)
    add_custom_target(deb
        COMMAND ${CMAKE_COMMAND} -E rm -rf ${CMAKE_BINARY_DIR}/packages
        COMMAND ${CMAKE_COMMAND} -E env SOURCE_DATE_EPOCH=${epoch}
            ${CMAKE_COMMAND} -S ${PROJECT_SOURCE_DIR} -B ${tree} -G Ninja
            -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_INSTALL_SYSCONFDIR=/etc
            -DCMAKE_C_FLAGS=-ffile-prefix-map=${PROJECT_SOURCE_DIR}=.
            -DCMAKE_CXX_FLAGS=-ffile-prefix-map=${PROJECT_SOURCE_DIR}=.
            -DBOBBIN_TESTS=OFF -DBOBBIN_PACKAGES=ON -DBOBBIN_DEB_REVISION=${BOBBIN_DEB_REVISION}
        COMMAND ${CMAKE_COMMAND} --build ${tree}
        COMMAND ${CMAKE_COMMAND} -E chdir ${tree} ${CMAKE_COMMAND} -E env SOURCE_DATE_EPOCH=${epoch}
            ${CMAKE_CPACK_COMMAND} -B ${CMAKE_BINARY_DIR}/packages
        COMMAND ${CMAKE_COMMAND} -E copy ${tree}/systemd/sbom.cdx.json ${CMAKE_BINARY_DIR}/packages
        COMMAND ${CMAKE_COMMAND} -E rm -rf ${CMAKE_BINARY_DIR}/packages/_CPack_Packages
        USES_TERMINAL VERBATIM)
    return()
endif()

set(debian ${CMAKE_CURRENT_SOURCE_DIR}/debian)
set(components bobbin runtime development)
set(CPACK_DEBIAN_BOBBIN_PACKAGE_NAME bobbin)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME libbobbin0)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libbobbin-dev)

# What Debian wants in every package: copyright, changelog, compressed pages.
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
find_program(GZIP gzip REQUIRED)
foreach(component ${components})
    string(TOUPPER ${component} COMPONENT)
    set(name ${CPACK_DEBIAN_${COMPONENT}_PACKAGE_NAME})
    set(doc ${CMAKE_CURRENT_BINARY_DIR}/doc-${name})
    file(WRITE ${doc}/changelog.Debian "bobbin (${PROJECT_VERSION}-${BOBBIN_DEB_REVISION}) unstable; urgency=medium\n
  * Built from the source tree; what is new is in its CHANGELOG.md.\n
 -- Bobbin developers <bobbin@packages.invalid>  ${date}\n")
    file(COPY_FILE ${PROJECT_SOURCE_DIR}/CHANGELOG.md ${doc}/changelog)
    execute_process(COMMAND ${GZIP} -9nf ${doc}/changelog.Debian ${doc}/changelog COMMAND_ERROR_IS_FATAL ANY)
    install(FILES ${doc}/changelog.Debian.gz ${doc}/changelog.gz ${debian}/copyright
        DESTINATION share/doc/${name} COMPONENT ${component})
    file(READ ${debian}/lintian-overrides overrides)
    string(REPLACE "@PACKAGE@" ${name} overrides "${overrides}")
    if(name STREQUAL "libbobbin0")
        string(APPEND overrides "# CPack writes these calls beside the trigger, which does the same.
libbobbin0: maintscript-calls-ldconfig\n")
    endif()
    file(WRITE ${doc}/overrides "${overrides}")
    install(FILES ${doc}/overrides
        DESTINATION share/lintian/overrides RENAME ${name} COMPONENT ${component})
    install(CODE "execute_process(COMMAND sh -c
        [[find \"$0\" -type f -name '*.[1-8]' -exec gzip -9n {} +]]
        \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share/man\" ERROR_QUIET)" COMPONENT ${component})
endforeach()

find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_custom_command(OUTPUT sbom.cdx.json
    COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/sbom.py bobbin ${PROJECT_VERSION}
        ${CMAKE_BINARY_DIR} sbom.cdx.json $<TARGET_FILE:bobbind> $<TARGET_FILE:bobbin-cli>
        $<TARGET_FILE:bobbin-run> $<TARGET_FILE:bobbin>
    DEPENDS bobbind bobbin-cli bobbin-run bobbin sbom.py VERBATIM)
add_custom_target(sbom ALL DEPENDS sbom.cdx.json)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/sbom.cdx.json DESTINATION share/doc/bobbin COMPONENT bobbin)

set(CPACK_GENERATOR DEB TGZ)
set(CPACK_PACKAGE_NAME bobbin)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_FILE_NAME bobbin-${PROJECT_VERSION}-${CMAKE_SYSTEM_NAME}-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL ${components})
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${BOBBIN_DEB_REVISION})
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "Bobbin developers <bobbin@packages.invalid>")
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SOURCE bobbin)

set(CPACK_DEBIAN_BOBBIN_PACKAGE_SECTION database)
set(CPACK_COMPONENT_BOBBIN_DESCRIPTION "A service for one machine that owns one SQLite store per application
directory, starts and supervises the application's WebAssembly processes,
and serves the store to them and to other programs over a Unix socket. A
write that was answered is synced to disk.

This package has daemon, command line, runner and systemd units.")
set(CPACK_DEBIAN_BOBBIN_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers | systemd-sysusers")
# To compile modules; one that was compiled ahead of time (bobbin build) needs none of them.
set(CPACK_DEBIAN_BOBBIN_PACKAGE_RECOMMENDS "wabt, gcc | c-compiler, libc6-dev | libc-dev")
set(CPACK_DEBIAN_BOBBIN_PACKAGE_SUGGESTS "sqlite3, prometheus")
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/conffiles "/etc/bobbin/bobbin.toml\n")
set(CPACK_DEBIAN_BOBBIN_PACKAGE_CONTROL_EXTRA
    ${debian}/postinst ${debian}/prerm ${debian}/postrm ${CMAKE_CURRENT_BINARY_DIR}/conffiles)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${debian}/triggers)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "Programs in C reach the stores of the Bobbin service with this library.

This package has the shared library.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "libbobbin0 (= ${PROJECT_VERSION}-${BOBBIN_DEB_REVISION}), libc6-dev | libc-dev")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "Programs in C reach the stores of the Bobbin service with this library.

This package has header, static library, manual pages, the specification of
the protocol, and headers for WebAssembly guests.")

include(CPack)
