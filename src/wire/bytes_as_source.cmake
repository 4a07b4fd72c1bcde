# The bytes of the file FROM as the inside of a C++ array, into the file TO.
file(READ "${FROM}" bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
file(WRITE "${TO}" "${bytes}\n")
