# Write the files of the page as a C table. cmake -DDIR=… -DOUT=… -P assets.cmake
set(types "html:text/html" "css:text/css" "js:text/javascript" "svg:image/svg+xml")
file(GLOB files RELATIVE ${DIR} ${DIR}/*)
list(SORT files)
set(arrays "")
set(rows "")
set(number 0)
foreach(file ${files})
    get_filename_component(ending ${file} LAST_EXT)
    string(SUBSTRING ${ending} 1 -1 ending)
    set(type "")
    foreach(pair ${types})
        if(pair MATCHES "^${ending}:(.*)$")
            set(type ${CMAKE_MATCH_1})
        endif()
    endforeach()
    if(NOT type)
        message(FATAL_ERROR "what kind of file is ${file}?")
    endif()
    file(READ ${DIR}/${file} hex HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
    string(APPEND arrays "static const unsigned char file_${number}[] = {${bytes}0};\n")
    string(APPEND rows "    {\"/${file}\", \"${type}; charset=utf-8\", file_${number}, sizeof(file_${number}) - 1},\n")
    math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUT} "#include \"client/cli/explore/assets.h\"

#include <string.h>

${arrays}
static const struct asset assets[] = {
${rows}};

const struct asset *asset_find(const char *path)
{
    for (size_t i = 0; i < sizeof(assets) / sizeof(assets[0]); i++)
        if (strcmp(assets[i].path, path) == 0)
            return &assets[i];
    return NULL;
}
")
