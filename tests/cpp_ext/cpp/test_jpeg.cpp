// The walk over a JPEG without Python: memory is respected, whatever the bytes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "check.hpp"
#include "jpeg.hpp"

namespace {

using Data = std::vector<std::uint8_t>;

// Of a copy that is exactly as large as it must be: a sanitizer sees what steps over.
const char* fault(const Data& data) {
    const auto copy = std::make_unique<std::uint8_t[]>(data.size());
    std::copy(data.begin(), data.end(), copy.get());
    return piza::jpeg_fault(copy.get(), data.size());
}

Data joined(std::initializer_list<Data> parts) {
    Data all;
    for (const Data& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}

const Data kStart = {0xFF, 0xD8}, kEnd = {0xFF, 0xD9};

Data frame(std::uint8_t kind, std::uint8_t side) {
    return {0xFF, kind, 0, 11, 8, 0, side, 0, side, 1, 1, 0x11, 0};
}

Data scan(std::uint8_t from, std::uint8_t to, std::uint8_t bits) {
    return {0xFF, 0xDA, 0, 8, 1, 1, 0, from, to, bits};
}

// Four flat grey blocks of the standard tables: 00 for the mean, 1010 for the end, four times.
const Data kFlat = {0b00101000, 0b10100010, 0b10001010};

Data baseline() {
    return joined({kStart, frame(0xC0, 16), scan(0, 63, 0), kFlat, kEnd});
}

// The means, then all else, then the lowest bit of both. Codes as above; one bit a mean.
Data progressive() {
    return joined({kStart, frame(0xC2, 16), scan(0, 0, 1), {0b00000000}, scan(1, 63, 1),
                   {0b10101010, 0b10101010}, scan(0, 0, 0x10), {0b01011111}, scan(1, 63, 0x10),
                   {0b10101010, 0b10101010}, kEnd});
}

void check_verdicts() {
    CHECK(fault(baseline()) == nullptr);
    CHECK(fault(progressive()) == nullptr);
    CHECK(fault(joined({kStart, frame(0xC0, 16), scan(0, 63, 0), kFlat})) == nullptr);
    const auto with = [](const Data& data) {
        const char* what = fault(joined({kStart, frame(0xC0, 16), scan(0, 63, 0), data, kEnd}));
        return std::string(what == nullptr ? "" : what);
    };
    CHECK(with(joined({kFlat, {0, 0, 0}})).empty());  // filling
    CHECK(with({kFlat[0], kFlat[1]}).find("before the picture does") != std::string::npos);
    CHECK(with(joined({kFlat, {1}})).find("do not end with the picture") != std::string::npos);
    CHECK(with({0xFF, 0, 0xFF, 0, 0xFF, 0}).find("no Huffman code") != std::string::npos);
    CHECK(with(Data(200, 0)).find("zeros in the middle") != std::string::npos);
    const char* missing =
        fault(joined({kStart, frame(0xC2, 16), scan(0, 0, 1), {0}, scan(1, 63, 1),
                      {0b10101010, 0b10101010}, kEnd}));
    CHECK(missing != nullptr && std::string(missing).find("scans") != std::string::npos);
}

void check_memory() {
    std::mt19937 random(0);
    for (const Data& whole : {baseline(), progressive()}) {
        for (std::size_t length = 0; length <= whole.size(); ++length) {
            fault(Data(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)));
        }
        for (int turn = 0; turn < 100000; ++turn) {
            Data data = whole;
            for (unsigned changes = 1 + random() % 4; changes > 0; --changes) {
                data[2 + random() % (data.size() - 2)] = static_cast<std::uint8_t>(random());
            }
            fault(data);
        }
    }
    for (int turn = 0; turn < 20000; ++turn) {  // tables and data out of thin air
        Data noise(64 + random() % 200);
        for (std::uint8_t& value : noise) value = static_cast<std::uint8_t>(random());
        const Data table = {0xFF, 0xC4, 0, static_cast<std::uint8_t>(noise.size() - 40)};
        fault(joined({kStart, frame(0xC1, 200), table, noise, scan(0, 63, 0), noise}));
        fault(joined({kStart, frame(0xC2, 200), scan(0, 0, 0), noise, scan(1, 63, 0), noise,
                      scan(1, 63, 0x10), noise}));
    }
}

}  // namespace

int main() {
    check_verdicts();
    check_memory();
    return 0;
}
