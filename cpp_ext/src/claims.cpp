#include "claims.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace piza {
namespace {

constexpr std::size_t kLandmarks = 4;  // of a word, which may mean any of several things
constexpr double kApart = 0.035;  // what is nearer, across and down, is one in a look at the frame
constexpr double kSharpness = 2.0;  // of the choice among a word's landmarks, by their logits
constexpr double kSelf = 0.01;  // a landmark as near to a candidate is the candidate itself
constexpr double kNotItself = 20.0;  // logits that it loses: nothing is left of itself
constexpr double kDoubt = 0.02;  // of every probability: sentences and landmarks may be misread
constexpr double kMost = 1.0;    // log odds at most: a claim that holds proves less than one that fails
constexpr double kLike = 1.0;    // logits below the best of a noun: as likely as not another of its like
constexpr double kCertain = 1e-6;  // no score is nearer to 0 or 1: log odds must be finite
constexpr double kClear = 6.0;     // logits of what holds for certain

enum What : std::size_t {
    kLeftOf, kRightOf, kAbove, kBelow, kNear, kBeside, kInFrontOf, kBehind, kAheadOf, kNearer,
    kFarther, kClosest, kBetweenTwo, kLeftmost, kRightmost, kTopmost, kLowest, kNearest, kFarthest,
    kLeft, kRight, kTop, kBottom, kMiddle, kLeftEdge, kRightEdge, kTopLeft, kTopRight, kBottomLeft,
    kBottomRight, kForeground, kBackground
};

struct Point {
    double x, y;
};

struct Landmark {
    double x, y, logit;
};
using Landmarks = std::array<Landmark, kLandmarks>;

// Of what is no number neither is less.
double lesser(double a, double b) { return a < b || a != a ? a : b; }
double clear(double margin) { return std::clamp(margin, -kClear, kClear); }
double sigmoid(double value) { return 0.5 * (1.0 + std::tanh(value / 2.0)); }

// Margins: above 0 where a relation holds, below where it does not, (dx, dy) being the candidate's
// centre seen from the landmark's. Landmarks are as coarse as the network's cells, and people argue
// about the borders, so that all of them are soft.

double sideways(double along, double across, double wide) {
    return (along - wide * std::abs(across)) / (0.008 + 0.08 * std::hypot(along, across));
}

double in_line(double dx, double dy) {
    return lesser((0.052 - std::abs(dx)) / 0.011, (0.104 - std::hypot(dx, dy)) / 0.018);
}

double in_front_of(double dx, double dy) { return lesser(in_line(dx, dy), (dy + 0.0027) / 0.0045); }

double near(double dx, double dy) { return (0.075 - std::hypot(dx, dy)) / 0.016; }

double relation_margin(std::size_t what, double dx, double dy) {
    switch (what) {
        case kLeftOf: return sideways(-dx, dy, 0.8);
        case kRightOf: return sideways(dx, dy, 0.8);
        case kAbove: return sideways(-dy, dx, 0.85);
        case kBelow: return sideways(dy, dx, 0.85);
        case kNear: return near(dx, dy);
        case kBeside: return lesser(near(dx, dy), (0.02 - std::abs(dy)) / 0.007);
        case kInFrontOf: return in_front_of(dx, dy);
        case kBehind: return in_front_of(dx, -dy);
        case kAheadOf: return in_line(dx, dy);
        case kNearer: return dy / 0.0055;  // what is nearer stands lower in the picture
        case kFarther: return -dy / 0.0055;
        default: return (0.118 - std::hypot(dx, dy)) / 0.027;  // kClosest
    }
}

// x and y in shares of the picture's width and height.
double place_margin(std::size_t what, double x, double y) {
    const double left = (0.39 - x) / 0.03, right = (x - 0.61) / 0.03;
    const double top = (0.43 - y) / 0.025, bottom = (y - 0.625) / 0.025;
    switch (what) {
        case kLeft: case kLeftEdge: return left;
        case kRight: case kRightEdge: return right;
        case kTop: return top;
        case kBottom: return bottom;
        case kMiddle: return (0.14 - std::abs(x - 0.5)) / 0.02;
        case kTopLeft: return lesser(top, left);
        case kTopRight: return lesser(top, right);
        case kBottomLeft: return lesser(bottom, left);
        case kBottomRight: return lesser(bottom, right);
        case kForeground: return (y - 0.66) / 0.05;
        default: return (0.62 - y) / 0.05;  // kBackground
    }
}

// What grows from the first in a row to the last; what is near is low in the picture.
double along_row(std::size_t what, double x, double y) {
    switch (what) {
        case kLeftmost: return x;
        case kRightmost: return -x;
        case kTopmost: case kFarthest: return y;
        default: return -y;  // kLowest, kNearest
    }
}

// The probability that a relation holds with whichever is meant, of so many landmarks or pairs.
double chosen(const double* margins, const double* logits, std::size_t count) {
    const double most = *std::max_element(logits, logits + count);
    double sum = 0.0, holds = 0.0;
    for (std::size_t k = 0; k < count; ++k) {
        const double weight = std::exp(kSharpness * (logits[k] - most));
        sum += weight;
        holds += weight * sigmoid(clear(margins[k]));
    }
    return holds / sum;
}

double related(std::size_t what, const Point& centre, const Landmarks& marks) {
    double margins[kLandmarks], logits[kLandmarks];
    for (std::size_t k = 0; k < kLandmarks; ++k) {
        const double dx = centre.x - marks[k].x, dy = centre.y - marks[k].y;
        margins[k] = relation_margin(what, dx, dy);
        logits[k] = marks[k].logit - (std::hypot(dx, dy) < kSelf ? kNotItself : 0.0);
    }
    return chosen(margins, logits, kLandmarks);
}

// `alike`: both are of one word, "between two cars", and no pair is one car.
double between(const Point& centre, const Landmarks& first, const Landmarks& second, bool alike) {
    double margins[kLandmarks * kLandmarks], logits[kLandmarks * kLandmarks];
    for (std::size_t i = 0; i < kLandmarks; ++i) {
        for (std::size_t j = 0; j < kLandmarks; ++j) {
            const double dx = second[j].x - first[i].x, dy = second[j].y - first[i].y;
            const double length = std::hypot(dx, dy) + 1e-9;
            const double x = centre.x - first[i].x, y = centre.y - first[i].y;
            const double along = (x * dx + y * dy) / (length * length);
            const double across = std::abs(x * dy - y * dx) / length;
            const double inside = (0.42 - std::abs(along - 0.5)) * length / 0.016;
            const std::size_t pair = i * kLandmarks + j;
            margins[pair] = lesser(inside, (std::max(0.33 * length, 0.018) - across) / 0.009);
            logits[pair] = first[i].logit + second[j].logit - (alike && i == j ? kNotItself : 0.0);
        }
    }
    return chosen(margins, logits, kLandmarks * kLandmarks);
}

// The probability that so many of its like stand before it.
double ranked(std::size_t what, int number, const Point& centre, const Landmarks& marks) {
    double count = 0.0;
    for (const Landmark& mark : marks) {
        if (std::hypot(centre.x - mark.x, centre.y - mark.y) < kSelf) continue;
        const double ahead = along_row(what, centre.x, centre.y) - along_row(what, mark.x, mark.y);
        const double like = sigmoid(2.0 * kSharpness * (mark.logit - marks[0].logit + kLike));
        count += like * sigmoid((ahead - 0.008) / 0.004);
    }
    return std::exp(-std::abs(count - (number - 1)));
}

struct Told {
    const Claim& claim;
    std::vector<Landmarks> marks;  // of each of its tokens
};

double log_odds(const Told& told, const Point& centre, const Point& share) {
    const Claim& claim = told.claim;
    double holds = 0.0;
    switch (claimables()[claim.what].kind) {
        case ClaimKind::kPlace:
            holds = sigmoid(clear(place_margin(claim.what, share.x, share.y)));
            break;
        case ClaimKind::kRank:
            holds = ranked(claim.what, claim.number, centre, told.marks[0]);
            break;
        case ClaimKind::kBetween:
            holds = between(centre, told.marks.front(), told.marks.back(), told.marks.size() == 1);
            break;
        case ClaimKind::kRelation:
            holds = related(claim.what, centre, told.marks[0]);
            break;
    }
    if (claim.negated) holds = 1.0 - holds;
    return lesser(std::log((holds + kDoubt) / (1.0 - holds + kDoubt)), kMost);
}

double diagonal(const Look& look) { return std::hypot(look.frame_wh[0], look.frame_wh[1]); }

// Where a token has its objects, best first; every location has a finite logit, and there is one.
Landmarks landmarks(const Look& look, std::size_t token, double apart) {
    const double size = diagonal(look);
    std::vector<double> rest(look.locations);
    for (std::size_t n = 0; n < look.locations; ++n) {
        rest[n] = look.meanings[n * look.tokens + token];
    }
    const double across = apart * size / look.scale[0], down = apart * size / look.scale[1];
    Landmarks found{};
    for (Landmark& mark : found) {
        const auto best = static_cast<std::size_t>(
            std::max_element(rest.begin(), rest.end()) - rest.begin());
        const double x = look.cells[2 * best], y = look.cells[2 * best + 1];
        mark = {(x * look.scale[0] + look.shift[0]) / size,
                (y * look.scale[1] + look.shift[1]) / size, rest[best]};
        for (std::size_t n = 0; n < look.locations; ++n) {  // which are no landmarks any more
            if (std::abs(look.cells[2 * n] - x) < across &&
                std::abs(look.cells[2 * n + 1] - y) < down) {
                rest[n] = -1e4;
            }
        }
    }
    return found;
}

bool is_told(const Look& look, const Claim& claim) {
    for (const std::size_t token : claim.tokens) {
        for (std::size_t n = 0; n < look.locations; ++n) {
            if (!std::isfinite(look.meanings[n * look.tokens + token])) return false;
        }
    }
    return claim.tokens.empty() || look.locations > 0;
}

// Closer looks tell nearer things apart, though objects fill more of their cells.
double apart_in(const Look& look) {
    double low[2] = {0.0, 0.0}, high[2] = {0.0, 0.0};
    for (std::size_t n = 0; n < look.locations; ++n) {
        for (std::size_t axis = 0; axis < 2; ++axis) {
            const double cell = look.cells[2 * n + axis];
            low[axis] = n == 0 ? cell : std::min(low[axis], cell);
            high[axis] = n == 0 ? cell : std::max(high[axis], cell);
        }
    }
    const double across = (high[0] - low[0]) * look.scale[0];
    const double down = (high[1] - low[1]) * look.scale[1];
    return kApart * std::sqrt(std::hypot(across, down) / diagonal(look));
}

}  // namespace

const std::vector<Claimable>& claimables() {
    using Kind = ClaimKind;
    static const std::vector<Claimable> all = {
        {"left of", Kind::kRelation}, {"right of", Kind::kRelation}, {"above", Kind::kRelation},
        {"below", Kind::kRelation}, {"near", Kind::kRelation}, {"beside", Kind::kRelation},
        {"in front of", Kind::kRelation}, {"behind", Kind::kRelation},
        {"ahead of", Kind::kRelation}, {"nearer", Kind::kRelation}, {"farther", Kind::kRelation},
        {"closest", Kind::kRelation}, {"between", Kind::kBetween}, {"leftmost", Kind::kRank},
        {"rightmost", Kind::kRank}, {"topmost", Kind::kRank}, {"lowest", Kind::kRank},
        {"nearest", Kind::kRank}, {"farthest", Kind::kRank}, {"left", Kind::kPlace},
        {"right", Kind::kPlace}, {"top", Kind::kPlace}, {"bottom", Kind::kPlace},
        {"middle", Kind::kPlace}, {"left edge", Kind::kPlace}, {"right edge", Kind::kPlace},
        {"top left", Kind::kPlace}, {"top right", Kind::kPlace}, {"bottom left", Kind::kPlace},
        {"bottom right", Kind::kPlace}, {"foreground", Kind::kPlace}, {"background", Kind::kPlace},
    };
    return all;
}

bool weigh(const Look& look, const std::vector<Claim>& claims, float* scores) {
    std::vector<Told> told;
    const double apart = apart_in(look);
    for (const Claim& claim : claims) {
        if (!is_told(look, claim)) continue;
        told.push_back({claim, {}});
        for (const std::size_t token : claim.tokens) {
            told.back().marks.push_back(landmarks(look, token, apart));
        }
    }
    if (told.empty()) return false;
    for (std::size_t k = 0; k < look.count; ++k) {
        const double* const box = look.boxes + 4 * k;
        const Point middle{(box[0] + box[2]) / 2.0, (box[1] + box[3]) / 2.0};
        const Point centre{middle.x / diagonal(look), middle.y / diagonal(look)};
        const Point share{middle.x / look.frame_wh[0], middle.y / look.frame_wh[1]};
        const double score = std::clamp<double>(look.scores[k], kCertain, 1.0 - kCertain);
        double odds = std::log(score / (1.0 - score));
        for (const Told& each : told) odds += log_odds(each, centre, share);
        const bool none = std::isnan(middle.x) || std::isnan(middle.y);
        scores[k] = none ? std::numeric_limits<float>::quiet_NaN()
                         : static_cast<float>(sigmoid(odds));
    }
    return true;
}

}  // namespace piza
