// Which of the compiled loops this processor runs.
#include <cstdlib>
#include <cstring>

#include "crop_resize_loops.hpp"

namespace piza {

#if defined(PIZA_X86)
namespace {

// $PIZA_ISA forbids what is better than the set that it names: to try the others.
bool allowed(const char* name, const char* better) {
    const char* const most = std::getenv("PIZA_ISA");
    if (most == nullptr) return true;
    return std::strcmp(most, name) == 0 || (better != nullptr && std::strcmp(most, better) == 0);
}

const Loops& fastest() {
    // Processors with AVX2 have F16C too, whose name not every compiler knows.
    const bool avx2 = allowed("avx2", "avx512") && __builtin_cpu_supports("avx2") &&
                      __builtin_cpu_supports("fma");
    const bool avx512 = allowed("avx512", nullptr) && __builtin_cpu_supports("avx512f") &&
                        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512vl");
    return avx2 && avx512 ? loops_avx512 : avx2 ? loops_avx2 : loops_baseline;
}

}  // namespace

const Loops& best_loops() {
    static const Loops& best = fastest();
    return best;
}

const char* instruction_set() {
    const Loops* const best = &best_loops();
    return best == &loops_avx512 ? "avx512" : best == &loops_avx2 ? "avx2" : "baseline";
}
#else
const Loops& best_loops() { return loops_baseline; }  // on ARM the compiler's default has NEON
const char* instruction_set() { return "baseline"; }
#endif

}  // namespace piza
