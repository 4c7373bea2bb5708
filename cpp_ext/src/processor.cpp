#include "processor.hpp"

#if defined(PIZA_X86)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace piza {

#if defined(PIZA_X86)
namespace {

// By CPUID itself, for not every compiler knows the name.
bool has_avx_vnni() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __builtin_cpu_supports("avx2") && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 &&
           (a >> 4 & 1) != 0;
}

}  // namespace

const char* eight_bit_instructions() {
    if (__builtin_cpu_supports("avx512vnni")) {
        return "avx512_vnni";
    }
    if (has_avx_vnni()) {
        return "avx_vnni";
    }
    if (__builtin_cpu_supports("avx512bw")) {
        return "avx512bw";
    }
    return __builtin_cpu_supports("avx2") ? "avx2" : "sse";
}
#elif defined(__aarch64__) && defined(__linux__)
const char* eight_bit_instructions() {
    constexpr unsigned long kProducts = 1UL << 20;  // HWCAP_ASIMDDP
    constexpr unsigned long kMatrices = 1UL << 13;  // HWCAP2_I8MM
    if ((getauxval(AT_HWCAP2) & kMatrices) != 0) {
        return "i8mm";
    }
    return (getauxval(AT_HWCAP) & kProducts) != 0 ? "asimddp" : "asimd";
}
#else
const char* eight_bit_instructions() { return "unknown"; }
#endif

}  // namespace piza
