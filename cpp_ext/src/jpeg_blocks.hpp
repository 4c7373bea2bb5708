// The blocks of a JPEG's scan: 8x8 coefficients each, read code by code.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "jpeg_bits.hpp"

namespace piza::jpeg {

constexpr const char* kNoCode = "is damaged: its picture data hold bits that are no Huffman code";
constexpr const char* kOver = "is damaged: a block has more than 64 coefficients";
constexpr const char* kHole = "is damaged: there are zeros in the middle of its picture data";
constexpr const char* kRange = "is damaged: its brightness leaves every range";

struct Component {
    int id = 0;
    std::size_t h = 1, v = 1;           // sampling factors
    int table = 0;                      // number of its quantisation table
    std::size_t columns = 0, rows = 0;  // in blocks, as a scan of its own has them
    std::size_t stride = 0;             // in blocks, as the MCUs have them
    std::array<int, 64> known{};  // bits of each coefficient that are still unknown, -1: all
    std::vector<std::uint64_t> nonzero;  // coefficients of each block, progressive only
    // of the scan at hand:
    const Codes* dc = nullptr;
    const Codes* ac = nullptr;
    int step = 0;  // of the quantised mean
    std::int64_t last_dc = 0;
};

struct Scan {
    std::vector<Component*> components;
    bool progressive = false;
    int from = 0, to = 63, high = 0, low = 0;  // coefficients; unknown bits before and after
};

// Reads the blocks of one scan in order.
class Blocks {
public:
    Blocks(Bits& bits, const Scan& scan, int precision)
        : bits_(bits), scan_(scan), precision_(precision) {}

    // Reads a block; what is wrong with it, or nullptr.
    const char* read(Component& component, std::size_t place) {
        if (!scan_.progressive) {
            const bool zeros = bits_.zeros_ahead();
            const std::int64_t begin = bits_.taken();
            const char* what = first_dc(component);
            if (what == nullptr) what = whole_ac(*component.ac);
            return zeros && bits_.taken() - begin >= Bits::kZerosAhead ? kHole : what;
        }
        if (scan_.from == 0) {
            if (scan_.high == 0) return first_dc(component);
            bits_.take(1);
            return nullptr;
        }
        std::uint64_t& nonzero = component.nonzero[place];
        return scan_.high == 0 ? first_ac(*component.ac, nonzero)
                               : refine_ac(*component.ac, nonzero);
    }

    // True while more blocks were announced to be empty than have been read.
    bool owes() const { return empty_ > 0; }

private:
    const char* first_dc(Component& component) {
        const int size = component.dc->next(bits_);
        if (size < 0 || size > precision_ + 3) return kNoCode;
        if (size == 0) return nullptr;
        const int value = static_cast<int>(bits_.take(size));
        component.last_dc += value >> (size - 1) != 0 ? value : value - (1 << size) + 1;
        // A block's mean is within the range of a sample. Half as much again is room for rounding
        // and for encoders that overshoot where it is white, against ringing.
        const std::int64_t mean = std::abs(component.last_dc * component.step) << scan_.low;
        return mean > (std::int64_t{3} << (precision_ + 1)) + component.step ? kRange : nullptr;
    }

    const char* whole_ac(const Codes& codes) {
        for (int k = 1; k < 64; ++k) {
            const int symbol = codes.next(bits_);
            if (symbol == 0) return nullptr;  // nothing but zeros is left
            const int size = symbol & 15;
            if (symbol < 0 || (size == 0 && symbol != 0xF0)) return kNoCode;
            k += symbol >> 4;
            if (k > 63) return kOver;
            bits_.skip(size);
        }
        return nullptr;
    }

    const char* first_ac(const Codes& codes, std::uint64_t& nonzero) {
        if (empty_ > 0) {
            --empty_;
            return nullptr;
        }
        for (int k = scan_.from; k <= scan_.to; ++k) {
            const int symbol = codes.next(bits_);
            if (symbol < 0) return kNoCode;
            const int run = symbol >> 4, size = symbol & 15;
            if (size == 0 && run < 15) {
                announce_empty(run);
                --empty_;
                return nullptr;
            }
            k += run;
            if (k > scan_.to) return kOver;
            if (size != 0) nonzero |= std::uint64_t{1} << k;
            bits_.skip(size);
        }
        return nullptr;
    }

    const char* refine_ac(const Codes& codes, std::uint64_t& nonzero) {
        int k = scan_.from;
        for (; empty_ == 0 && k <= scan_.to; ++k) {
            const int symbol = codes.next(bits_);
            if (symbol < 0 || (symbol & 15) > 1) return kNoCode;
            int run = symbol >> 4;
            const bool one = (symbol & 15) == 1;
            if (one) {
                bits_.take(1);  // its sign
            } else if (run < 15) {
                announce_empty(run);
                break;
            }
            for (; k <= scan_.to; ++k) {  // past `run` zeros and all that is known not to be zero
                if ((nonzero >> k & 1) != 0) {
                    bits_.take(1);
                } else if (--run < 0) {
                    break;
                }
            }
            if (one && k > scan_.to) return kOver;
            if (one) nonzero |= std::uint64_t{1} << k;
        }
        if (empty_ > 0) {
            for (; k <= scan_.to; ++k) {
                if ((nonzero >> k & 1) != 0) bits_.take(1);
            }
            --empty_;
        }
        return nullptr;
    }

    // The blocks from this one on that have no more new coefficients.
    void announce_empty(int run) {
        empty_ = 1 << run;
        if (run > 0) empty_ += static_cast<int>(bits_.take(run));
    }

    Bits& bits_;
    const Scan& scan_;
    int precision_;
    int empty_ = 0;
};

}  // namespace piza::jpeg
