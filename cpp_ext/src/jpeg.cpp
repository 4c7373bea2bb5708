#include "jpeg.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "jpeg_blocks.hpp"
#include "jpeg_tables.hpp"

namespace piza {
namespace jpeg {
namespace {

constexpr const char* kCut = "is truncated: its data end before its picture does";
constexpr const char* kShort = "is damaged: its picture data end before the picture does";
constexpr const char* kLong = "is damaged: its picture data do not end with the picture";
constexpr const char* kRestart = "is damaged: a restart marker is missing or not the next one";
constexpr const char* kScan = "is damaged: a scan contradicts the header";
constexpr const char* kMissing = "is incomplete: scans of its picture are missing";

constexpr int kMaxScans = 500;                // more are made to keep decoders busy
constexpr std::size_t kMaxPixels = 1U << 30;  // OpenCV decodes no more

class Walk {
public:
    Walk(const std::uint8_t* data, std::size_t size) : bytes_{data, data + size} {
        for (std::size_t i = 0; i < 2; ++i) {  // films leave them out
            dc_[i].set(kStandardDc[i].counts, kStandardDc[i].symbols);
            ac_[i].set(kStandardAc[i].counts, kStandardAc[i].symbols);
        }
    }

    const char* fault() {
        bytes_.at += 2;  // start of image
        for (int scans = 0;;) {
            const int marker = next_marker();
            if (marker < 0 || marker == 0xD9) return unfinished(marker < 0);
            if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8)) continue;
            const int length = bytes_.word();
            if (length < 2 || bytes_.left() < static_cast<std::size_t>(length - 2)) return kCut;
            Bytes segment{bytes_.at, bytes_.at + (length - 2)};
            bytes_.at = segment.end;
            if (is_frame(marker)) {
                if (!components_.empty() || marker > 0xC2 || !read_frame(segment)) return nullptr;
                progressive_ = marker == 0xC2;
            } else if (marker == 0xC4) {
                if (!read_codes(segment)) return kScan;
            } else if (marker == 0xDB) {
                read_quantisation(segment);
            } else if (marker == 0xDD) {
                restart_ = static_cast<std::size_t>(segment.word());
            } else if (marker == 0xDA) {
                if (components_.empty()) return nullptr;
                Scan scan;
                if (++scans > kMaxScans || !read_scan(segment, scan)) return kScan;
                if (const char* what = walk(scan)) return what;
            }
        }
    }

private:
    static bool is_frame(int marker) {
        return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 &&
               marker != 0xCC;
    }

    // The code of the next marker, -1 at the end of the data.
    int next_marker() {
        while (bytes_.left() >= 2) {
            const void* found = std::memchr(bytes_.at, 0xFF, bytes_.left() - 1);
            if (found == nullptr) break;
            bytes_.at = static_cast<const std::uint8_t*>(found) + 1;
            if (*bytes_.at != 0xFF && *bytes_.at != 0) return bytes_.byte();
        }
        bytes_.at = bytes_.end;
        return -1;
    }

    // At the end of the image: what is still unknown of it.
    const char* unfinished(bool cut) const {
        if (components_.empty()) return cut ? kCut : nullptr;
        for (const Component& each : components_) {
            const auto whole = [](int bits) { return bits == 0; };
            if (!std::all_of(each.known.begin(), each.known.end(), whole)) {
                return cut ? kCut : kMissing;
            }
        }
        return nullptr;
    }

    // False for what no decoder takes.
    bool read_frame(Bytes segment) {
        precision_ = segment.byte();
        const auto height = static_cast<std::size_t>(segment.word());
        const auto width = static_cast<std::size_t>(segment.word());
        const int count = segment.byte();
        if (height * width == 0 || height * width > kMaxPixels || count < 1 || count > 4 ||
            segment.left() < static_cast<std::size_t>(3 * count) ||
            (precision_ != 8 && precision_ != 12)) {
            return false;
        }
        std::size_t most_h = 1, most_v = 1;
        for (int i = 0; i < count; ++i) {
            Component each;
            each.id = segment.byte();
            const int factors = segment.byte();
            each.h = static_cast<std::size_t>(factors >> 4);
            each.v = static_cast<std::size_t>(factors & 15);
            each.table = segment.byte() & 3;
            if (each.h < 1 || each.h > 4 || each.v < 1 || each.v > 4) return false;
            each.known.fill(-1);
            most_h = std::max(most_h, each.h);
            most_v = std::max(most_v, each.v);
            components_.push_back(each);
        }
        const auto parts = [](std::size_t whole, std::size_t part) {
            return (whole + part - 1) / part;
        };
        mcu_columns_ = parts(width, 8 * most_h);
        mcu_rows_ = parts(height, 8 * most_v);
        for (Component& each : components_) {
            each.columns = parts(width * each.h, 8 * most_h);
            each.rows = parts(height * each.v, 8 * most_v);
            each.stride = mcu_columns_ * each.h;
        }
        return true;
    }

    bool read_codes(Bytes segment) {
        while (segment.left() > 0) {
            const int place = segment.byte();
            std::array<std::uint8_t, 16> counts{};
            std::size_t total = 0;
            for (std::uint8_t& count : counts) {
                count = static_cast<std::uint8_t>(segment.byte());
                total += count;
            }
            if ((place & 0xEC) != 0 || total > 256 || segment.left() < total) return false;
            const auto number = static_cast<std::size_t>(place & 3);
            if (!(place < 16 ? dc_ : ac_)[number].set(counts, segment.at)) return false;
            segment.at += total;
        }
        return true;
    }

    void read_quantisation(Bytes segment) {
        while (segment.left() > 0) {
            const int place = segment.byte();
            const int bytes = place < 16 ? 1 : 2;
            const int first = bytes == 1 ? segment.byte() : segment.word();
            steps_[static_cast<std::size_t>(place & 3)] = first;
            segment.at += std::min(segment.left(), static_cast<std::size_t>(63 * bytes));
        }
    }

    bool read_scan(Bytes segment, Scan& scan) {
        const int count = segment.byte();
        if (count < 1 || count > 4 || segment.left() < static_cast<std::size_t>(2 * count + 3)) {
            return false;
        }
        std::size_t blocks = 0;
        for (int i = 0; i < count; ++i) {
            const int id = segment.byte();
            const int tables = segment.byte();
            const auto at = std::find_if(components_.begin(), components_.end(),
                                         [id](const Component& each) { return each.id == id; });
            if (at == components_.end()) return false;
            for (const Component* other : scan.components) {
                if (other == &*at) return false;
            }
            at->dc = &dc_[static_cast<std::size_t>(tables >> 4 & 3)];
            at->ac = &ac_[static_cast<std::size_t>(tables & 3)];
            blocks += at->h * at->v;
            scan.components.push_back(&*at);
        }
        if (count > 1 && blocks > 10) return false;
        scan.progressive = progressive_;
        if (progressive_) {
            scan.from = segment.byte();
            scan.to = segment.byte();
            const int bits = segment.byte();
            scan.high = bits >> 4;
            scan.low = bits & 15;
        }
        return is_sound(scan);
    }

    // Codes are there for every coefficient, and each is told once, then bit by bit.
    bool is_sound(const Scan& scan) const {
        if (scan.to > 63 || scan.from > scan.to || scan.low > 13) return false;
        if (progressive_ && (scan.from == 0) != (scan.to == 0)) return false;
        if (scan.from > 0 && scan.components.size() > 1) return false;
        const bool refines = scan.high > 0;
        if (refines && scan.high != scan.low + 1) return false;
        for (const Component* each : scan.components) {
            if (scan.from == 0 && !refines && !each->dc->defined()) return false;
            if (scan.to > 0 && !each->ac->defined()) return false;
            for (int k = scan.from; k <= scan.to; ++k) {
                const int before = refines ? scan.high : -1;
                if (each->known[static_cast<std::size_t>(k)] != before) return false;
            }
        }
        return true;
    }

    const char* walk(const Scan& scan) {
        for (Component* each : scan.components) {
            each->last_dc = 0;
            each->step = steps_[static_cast<std::size_t>(each->table)];
            if (progressive_ && each->nonzero.empty()) {
                each->nonzero.resize(each->stride * mcu_rows_ * each->v);
            }
            for (int k = scan.from; k <= scan.to; ++k) {
                each->known[static_cast<std::size_t>(k)] = scan.low;
            }
        }
        Component& first = *scan.components[0];
        const bool alone = scan.components.size() == 1;
        const std::size_t columns = alone ? first.columns : mcu_columns_;
        const std::size_t units = columns * (alone ? first.rows : mcu_rows_);
        Bits bits(bytes_);
        Blocks blocks(bits, scan, precision_);
        for (std::size_t unit = 0; unit < units; ++unit) {
            if (restart_ != 0 && unit != 0 && unit % restart_ == 0) {
                if (!is_ended(bits, blocks)) return kLong;
                if (next_marker() != 0xD0 + static_cast<int>((unit / restart_ - 1) % 8)) {
                    return bytes_.left() == 0 ? kCut : kRestart;
                }
                bits.restart();
                for (Component* each : scan.components) each->last_dc = 0;
            }
            const std::size_t row = unit / columns, column = unit % columns;
            const char* what = nullptr;
            if (alone) {
                what = blocks.read(first, row * first.stride + column);
            } else {
                for (Component* each : scan.components) {
                    for (std::size_t v = 0; v < each->v && what == nullptr; ++v) {
                        for (std::size_t h = 0; h < each->h && what == nullptr; ++h) {
                            what = blocks.read(*each, (row * each->v + v) * each->stride +
                                                          column * each->h + h);
                        }
                    }
                }
            }
            if (bits.overdrawn()) return bytes_.left() < 2 ? kCut : kShort;
            if (what != nullptr) return what;
        }
        return is_ended(bits, blocks) ? nullptr : kLong;
    }

    // Between the last block of a scan, or of a restart interval, and the marker behind it.
    static bool is_ended(Bits& bits, const Blocks& blocks) {
        return !blocks.owes() && bits.only_filling();
    }

    Bytes bytes_;
    std::array<Codes, 4> dc_;
    std::array<Codes, 4> ac_;
    std::array<int, 4> steps_{};  // of the mean, by quantisation table
    std::vector<Component> components_;
    std::size_t mcu_columns_ = 0, mcu_rows_ = 0;
    std::size_t restart_ = 0;  // MCUs between restart markers, 0: there are none
    int precision_ = 8;
    bool progressive_ = false;
};

}  // namespace
}  // namespace jpeg

const char* jpeg_fault(const std::uint8_t* data, std::size_t size) {
    if (size < 2 || data[0] != 0xFF || data[1] != 0xD8) return nullptr;
    return jpeg::Walk(data, size).fault();
}

}  // namespace piza
