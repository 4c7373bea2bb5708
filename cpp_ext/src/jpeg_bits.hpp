// The bits and the Huffman codes of a JPEG's entropy-coded data.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace piza::jpeg {

// A bounded run of bytes of the file, read big-endian. Who reads past its end gets zeros.
struct Bytes {
    const std::uint8_t* at;
    const std::uint8_t* end;

    std::size_t left() const { return static_cast<std::size_t>(end - at); }
    int byte() { return at < end ? *at++ : 0; }
    int word() {
        const int high = byte();
        return high << 8 | byte();
    }
};

// Reads the entropy-coded bits in front of a marker, without the stuffed zeros.
class Bits {
public:
    static constexpr int kZerosAhead = 128;  // in the usual tables 42 times the coefficient -1

    explicit Bits(Bytes& bytes) : bytes_(bytes) {}

    // Afterwards at least 56 bits are held, or all that there are.
    void fill() {
        while (count_ <= 56 && bytes_.at < bytes_.end) {
            const std::uint8_t value = *bytes_.at;
            if (value == 0xFF) {
                if (bytes_.left() < 2 || bytes_.at[1] != 0) return;  // a marker
                ++bytes_.at;
            }
            ++bytes_.at;
            held_ |= static_cast<std::uint64_t>(value) << (56 - count_);
            count_ += 8;
            ++loaded_;
        }
    }

    // The next bits without taking them; zeros where there are no more.
    unsigned peek(int bits) const { return static_cast<unsigned>(held_ >> (64 - bits)); }

    // At most 32 bits after one `fill`.
    void skip(int bits) {
        held_ <<= bits;
        count_ -= bits;
    }

    unsigned take(int bits) {  // 1 to 16
        if (count_ < bits) fill();
        const unsigned value = peek(bits);
        skip(bits);
        return value;
    }

    std::int64_t taken() const { return 8 * loaded_ - count_; }

    // True when the next `kZerosAhead` bits are there and zero.
    bool zeros_ahead() {
        if (count_ < 32) fill();
        if (held_ != 0) return false;
        fill();
        constexpr std::size_t kMore = (kZerosAhead - 56) / 8;
        return held_ == 0 && count_ >= 56 && bytes_.left() >= kMore &&
               std::all_of(bytes_.at, bytes_.at + kMore, [](std::uint8_t b) { return b == 0; });
    }

    bool overdrawn() const { return count_ < 0; }  // more was taken than there was
    int held() const { return count_; }

    // Goes on behind a marker.
    void restart() {
        held_ = 0;
        count_ = 0;
    }

    // True when nothing but filling is left in front of the marker: the ones that complete a byte,
    // then zeros. What is left besides is data that no block asked for.
    bool only_filling() {
        fill();
        const int padding = count_ % 8;
        const bool ones = padding == 0 || peek(padding) == (1U << padding) - 1;
        if (padding != 0) skip(padding);
        if (count_ == 0) return true;  // some encoders complete the byte with zeros
        while (count_ > 0) {
            if (held_ != 0 || !ones) return false;
            restart();
            fill();
        }
        return true;
    }

private:
    Bytes& bytes_;
    std::uint64_t held_ = 0;  // the next bit is the highest
    int count_ = 0;
    std::int64_t loaded_ = 0;  // bytes so far
};

// A Huffman table: short codes are looked up, long ones compared length by length.
class Codes {
public:
    Codes() = default;

    // `counts[i]` codes of i + 1 bits, their symbols in order. False when they do not fit.
    bool set(const std::array<std::uint8_t, 16>& counts, const std::uint8_t* symbols) {
        look_.fill(0);
        unsigned code = 0;
        int index = 0;
        for (int length = 1; length <= 16; ++length) {
            const unsigned count = counts[static_cast<std::size_t>(length - 1)];
            first_[length] = static_cast<int>(code) - index;
            for (unsigned i = 0; i < count; ++i, ++code, ++index) {
                if (code >= 1U << length) return defined_ = false;
                symbols_[static_cast<std::size_t>(index)] = symbols[index];
                if (length <= kLook) {
                    const unsigned low = code << (kLook - length);
                    std::fill_n(look_.begin() + low, 1U << (kLook - length),
                                static_cast<std::uint16_t>(length << 8 | symbols[index]));
                }
            }
            limit_[length] = static_cast<int>(code);  // codes of this length are below
            code <<= 1;
        }
        return defined_ = true;
    }

    bool defined() const { return defined_; }

    // The next symbol, -1 for bits that are no code. Fills the bits: 16 more may be skipped.
    int next(Bits& bits) const {
        if (bits.held() < 32) bits.fill();
        if (const unsigned found = look_[bits.peek(kLook)]; found != 0) {
            bits.skip(static_cast<int>(found >> 8));
            return static_cast<int>(found & 0xFF);
        }
        for (int length = kLook + 1; length <= 16; ++length) {
            const int code = static_cast<int>(bits.peek(length));
            if (code < limit_[length]) {
                bits.skip(length);
                return symbols_[static_cast<std::size_t>(code - first_[length])];
            }
        }
        return -1;
    }

private:
    static constexpr int kLook = 9;

    std::array<std::uint16_t, 1 << kLook> look_{};  // length << 8 | symbol, 0: a longer code
    std::array<int, 17> limit_{};
    std::array<int, 17> first_{};  // code - first_[length] is the place of its symbol
    std::array<std::uint8_t, 256> symbols_{};
    bool defined_ = false;
};

}  // namespace piza::jpeg
