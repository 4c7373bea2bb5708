// Layer normalisation (Ba et al. 2016) of a sum, which is not written down before.
#pragma once

#include <cstddef>

namespace piza {

struct Norm {
    std::size_t rows, width;  // the width is a multiple of kMultiple
    const float* first;       // (rows, width)
    const float* second;      // what is added to it, null for nothing
    const float* scale;       // (width)
    const float* shift;       // (width)
    float epsilon;
    float* out;  // (rows, width)
};

namespace norm {

// Rows [from, to). The same loops once for each instruction set, see CMakeLists.txt.
void loops_baseline(const Norm& norm, std::size_t from, std::size_t to);
#if defined(PIZA_X86)
void loops_avx2(const Norm& norm, std::size_t from, std::size_t to);
void loops_avx512(const Norm& norm, std::size_t from, std::size_t to);
#endif

}  // namespace norm
}  // namespace piza
