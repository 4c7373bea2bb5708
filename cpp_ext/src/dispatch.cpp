// Which of the compiled loops this processor runs.
#include "crop_resize_loops.hpp"

namespace piza {

#if defined(PIZA_X86)
namespace {

const Loops& fastest() {
    // Processors with AVX2 have F16C too, whose name not every compiler knows.
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    return avx2 && avx512 ? loops_avx512 : avx2 ? loops_avx2 : loops_baseline;
}

}  // namespace

const Loops& best_loops() {
    static const Loops& best = fastest();
    return best;
}
#else
const Loops& best_loops() { return loops_baseline; }  // on ARM the compiler's default has NEON
#endif

}  // namespace piza
