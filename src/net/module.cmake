# OpenSSL: the hashes of SCRAM.
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
target_link_libraries(millrace_net PRIVATE OpenSSL::Crypto)
