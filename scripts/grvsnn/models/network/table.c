/* The per-feature network in one pass over int8 dosages, forward and backward.
 *
 * A marker's gated residual block is evaluated at the three dosages only; for an animal
 * of dosage x its output is z = a + b x + c [x = 1]. Layer norm, softmax, re-weighting
 * and the head then run over blocks of features that stay in the first-level cache, and
 * backward computes them again, so that no N x P array of floats is ever stored.
 *
 * Row n has mean mu and reciprocal sd r of its z, and with xi = r (z - mu):
 *   zhat = gain xi + shift,  w = exp(zhat - top) / total,  y_t = P sum_i W_ti w_i zhat_i + b_t.
 * With q_i = sum_t dy_t W_ti and D = sum_t dy_t (y_t - b_t) / P,
 *   dzhat_i = P w_i (q_i (1 + zhat_i) - D),
 *   dz_i = r (gain_i dzhat_i - m1 - xi_i m2),  m1, m2 = means of gain dzhat, gain dzhat xi.
 *
 * Arrays are row-major with features last. One thread; callers may run several at once.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef __AVX2__
#include <immintrin.h>
#endif

#ifdef __AVX512F__
#define LANES 16
#else
#define LANES 8
#endif
#define BLOCK 512
#define MAX_HIDDEN 16
#define MAX_TRAITS 32
#define INLINE static inline __attribute__((always_inline))

typedef float vf __attribute__((vector_size(4 * LANES)));
typedef int32_t vi __attribute__((vector_size(4 * LANES)));
typedef int8_t vb __attribute__((vector_size(LANES)));

/* Parameters, or their gradients. A and mask may be NULL. */
typedef struct {
    int64_t n_features, n_markers, hidden, n_traits, hard_gate;
    float *w1, *b1;    /* (hidden, P) */
    float *A;          /* (hidden, hidden, P) */
    float *w2, *b2;    /* (hidden, P), (P) */
    float *w3, *b3;
    float *gain, *shift; /* (P) */
    float *W, *b;      /* (T, P), (T) */
    float *mask;       /* (hidden, P), dropout */
} network;

typedef struct {
    int64_t n_rows;
    const int8_t *genotypes; /* (n, M) */
    const float *levels;     /* (3, M) */
    const float *dense;      /* (n, P - M), standardised */
} batch;

/* What forward leaves for backward; `stride` is P - M rounded up to whole vectors. */
typedef struct {
    int64_t stride;
    float *abc;     /* (3, M): a, b, c */
    float *z_dense; /* (n, stride) */
    float *stats;   /* (n, 4): mu, r, top, total */
    float *y;       /* (n, T) */
} state;

enum { MEAN, RECIPROCAL_SD, TOP, TOTAL, N_STATS };

INLINE vf splat(float value) { return value - (vf){0}; }

INLINE vf load(const float *from, int lanes) {
    vf value = {0};
    memcpy(&value, from, lanes * sizeof(float));
    return value;
}

INLINE void store(float *to, vf value, int lanes) {
    memcpy(to, &value, lanes * sizeof(float));
}

INLINE void add_to(float *to, vf value, int lanes) {
    store(to, load(to, lanes) + value, lanes);
}

INLINE vf choose(vi which, vf yes, vf no) {
    return (vf)((which & (vi)yes) | (~which & (vi)no));
}

/* Where compilers are known to unroll the portable form, the instruction is named. */
INLINE vf vmin(vf u, vf v) {
#if defined(__AVX512F__)
    return _mm512_min_ps(u, v);
#elif defined(__AVX2__)
    return _mm256_min_ps(u, v);
#else
    return choose(u < v, u, v);
#endif
}

INLINE vf vmax(vf u, vf v) {
#if defined(__AVX512F__)
    return _mm512_max_ps(u, v);
#elif defined(__AVX2__)
    return _mm256_max_ps(u, v);
#else
    return choose(u > v, u, v);
#endif
}

INLINE vf to_float(vb calls) {
#if defined(__AVX512F__)
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32((__m128i)calls));
#elif defined(__AVX2__)
    __m128i low = _mm_cvtsi64_si128((int64_t)calls);
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(low));
#else
    return __builtin_convertvector(__builtin_convertvector(calls, vi), vf);
#endif
}

INLINE float sum(vf value) {
    float total = 0;
    for (int l = 0; l < LANES; l++) total += value[l];
    return total;
}

/* Cephes' polynomial on [-ln 2 / 2, ln 2 / 2]; relative error about 1e-7. */
INLINE vf vexp(vf x) {
    x = vmin(vmax(x, splat(-87.0f)), splat(88.0f));
    const vf magic = splat(12582912.0f); /* 1.5 * 2^23 rounds to an integer */
    vf shifted = x * 1.44269504f + magic;
    vf k = shifted - magic;
    x = x - k * 0.693359375f;
    x = x + k * 2.12194440e-4f;
    vf p = x * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * x + 8.3334519073e-3f;
    p = p * x + 4.1665795894e-2f;
    p = p * x + 1.6666665459e-1f;
    p = p * x + 5.0000001201e-1f;
    p = p * x * x + x + 1.0f;
    return (vf)((vi)p + (((vi)shifted - (vi)magic) << 23));
}

/* ---- gated residual blocks: x (n, p) -> z (n, p) for features first .. first + p ---- */

typedef struct {
    vf f1[MAX_HIDDEN], slope[MAX_HIDDEN], f2[MAX_HIDDEN];
    vf h, activation, g, z;
} unit;

INLINE vf gate(const network *net, vf activation) {
    if (net->hard_gate)
        return vmin(vmax(activation * 0.2f + 0.5f, splat(0.0f)), splat(1.0f));
    return 1.0f / (1.0f + vexp(-activation));
}

INLINE vf gate_slope(const network *net, vf activation, vf g) {
    if (!net->hard_gate) return g * (1.0f - g);
    vf inner = activation * 0.2f + 0.5f;
    return choose((inner >= 0.0f) & (inner <= 1.0f), splat(0.2f), splat(0.0f));
}

INLINE void evaluate(const network *net, vf x, int64_t i, int lanes, unit *u) {
    const int64_t P = net->n_features, d = net->hidden;
    for (int64_t k = 0; k < d; k++) {
        vf s = load(net->w1 + k * P + i, lanes) * x + load(net->b1 + k * P + i, lanes);
        vf e = vexp(vmin(s, splat(0.0f)));
        u->f1[k] = choose(s > 0.0f, s, e - 1.0f);
        u->slope[k] = e;
    }
    u->h = load(net->b2 + i, lanes);
    u->activation = load(net->b3 + i, lanes);
    for (int64_t k = 0; k < d; k++) {
        vf f2 = u->f1[k];
        if (net->A) {
            f2 = splat(0.0f);
            for (int64_t l = 0; l < d; l++)
                f2 += load(net->A + (k * d + l) * P + i, lanes) * u->f1[l];
        }
        if (net->mask) f2 *= load(net->mask + k * P + i, lanes);
        u->f2[k] = f2;
        u->h += load(net->w2 + k * P + i, lanes) * f2;
        u->activation += load(net->w3 + k * P + i, lanes) * f2;
    }
    u->g = gate(net, u->activation);
    u->z = u->g * u->h + (1.0f - u->g) * x;
}

/* Gradients of LANES features' block parameters, summed over the rows. */
typedef struct {
    vf w1[MAX_HIDDEN], b1[MAX_HIDDEN], A[MAX_HIDDEN * MAX_HIDDEN];
    vf w2[MAX_HIDDEN], w3[MAX_HIDDEN], b2, b3;
} slopes;

INLINE void differentiate(const network *net, slopes *grad, vf x, vf dz, int64_t i,
                          int lanes) {
    const int64_t P = net->n_features, d = net->hidden;
    unit u;
    vf df1[MAX_HIDDEN];
    evaluate(net, x, i, lanes, &u);
    const vf dh = u.g * dz;
    const vf da = (u.h - x) * dz * gate_slope(net, u.activation, u.g);
    grad->b2 += dh;
    grad->b3 += da;
    for (int64_t k = 0; k < d; k++) df1[k] = splat(0.0f);
    for (int64_t k = 0; k < d; k++) {
        const int64_t at = k * P + i;
        grad->w2[k] += dh * u.f2[k];
        grad->w3[k] += da * u.f2[k];
        vf df2 = dh * load(net->w2 + at, lanes) + da * load(net->w3 + at, lanes);
        if (net->mask) df2 *= load(net->mask + at, lanes);
        if (!net->A) {
            df1[k] = df2;
            continue;
        }
        for (int64_t l = 0; l < d; l++) {
            grad->A[k * d + l] += df2 * u.f1[l];
            df1[l] += load(net->A + (k * d + l) * P + i, lanes) * df2;
        }
    }
    for (int64_t k = 0; k < d; k++) {
        const vf ds = df1[k] * u.slope[k];
        grad->w1[k] += ds * x;
        grad->b1[k] += ds;
    }
}

INLINE void add_slopes(const network *net, network *grad, const slopes *from, int64_t i,
                       int lanes) {
    const int64_t P = net->n_features, d = net->hidden;
    add_to(grad->b2 + i, from->b2, lanes);
    add_to(grad->b3 + i, from->b3, lanes);
    for (int64_t k = 0; k < d; k++) {
        add_to(grad->w1 + k * P + i, from->w1[k], lanes);
        add_to(grad->b1 + k * P + i, from->b1[k], lanes);
        add_to(grad->w2 + k * P + i, from->w2[k], lanes);
        add_to(grad->w3 + k * P + i, from->w3[k], lanes);
    }
    for (int64_t k = 0; k < d * d && net->A; k++)
        add_to(grad->A + k * P + i, from->A[k], lanes);
}

INLINE void clear_slopes(const network *net, slopes *grad) {
    const int64_t d = net->hidden;
    grad->b2 = grad->b3 = splat(0.0f);
    for (int64_t k = 0; k < d; k++)
        grad->w1[k] = grad->b1[k] = grad->w2[k] = grad->w3[k] = splat(0.0f);
    for (int64_t k = 0; k < d * d; k++) grad->A[k] = splat(0.0f);
}

static void blocks_forward(const network *net, const float *x, int64_t n, int64_t p,
                           int64_t first, float *z, int64_t stride) {
    unit u;
    for (int64_t i = 0; i < p; i += LANES) {
        const int lanes = p - i < LANES ? (int)(p - i) : LANES;
        for (int64_t row = 0; row < n; row++) {
            const int64_t at = row * p + i;
            if (lanes == LANES)
                evaluate(net, load(x + at, LANES), first + i, LANES, &u);
            else
                evaluate(net, load(x + at, lanes), first + i, lanes, &u);
            store(z + row * stride + i, u.z, lanes);
        }
    }
}

INLINE void backward_vector(const network *net, network *grad, const float *x,
                            const float *dz, int64_t stride, int64_t n, int64_t p,
                            int64_t first, int64_t i, int lanes) {
    slopes total;
    clear_slopes(net, &total);
    for (int64_t row = 0; row < n; row++)
        differentiate(net, &total, load(x + row * p + i, lanes),
                      load(dz + row * stride + i, lanes), first + i, lanes);
    add_slopes(net, grad, &total, first + i, lanes);
}

static void blocks_backward(const network *net, network *grad, const float *x,
                            const float *dz, int64_t stride, int64_t n, int64_t p,
                            int64_t first) {
    int64_t i = 0;
    for (; i + LANES <= p; i += LANES)
        backward_vector(net, grad, x, dz, stride, n, p, first, i, LANES);
    if (i < p) backward_vector(net, grad, x, dz, stride, n, p, first, i, (int)(p - i));
}

/* ---- selection and head ---- */

/* Parameters of one block of features, or the sums of their gradients. All columns of
 * one vector of features lie side by side, so that the hot loops walk one aligned
 * stream; the last vector is padded by features that weigh nothing. */
enum { A, B, C, GAIN, SHIFT, W, N_FIXED = W };

typedef struct {
    float values[BLOCK * (N_FIXED + MAX_TRAITS)];
    int64_t first, last; /* features */
    int64_t pitch;       /* floats between one vector and the next */
    int dense;
} __attribute__((aligned(64))) block;

static void load_column(block *blk, int64_t column, const float *from, float padding) {
    const int64_t width = blk->last - blk->first;
    float *to = blk->values + column * LANES;
    for (int64_t j = 0; j < width; j += LANES, to += blk->pitch) {
        const int lanes = width - j < LANES ? (int)(width - j) : LANES;
        for (int l = lanes; l < LANES; l++) to[l] = padding;
        memcpy(to, from + j, lanes * sizeof(float));
    }
}

/* Blocks never straddle the border between markers and dense features. */
static void load_block(const network *net, const state *st, int64_t first, block *blk) {
    const int64_t M = net->n_markers, P = net->n_features;
    const int64_t border = first < M ? M : P;
    blk->first = first;
    blk->last = first + BLOCK < border ? first + BLOCK : border;
    blk->pitch = (N_FIXED + net->n_traits) * LANES;
    blk->dense = first >= M;
    for (int64_t k = A; k <= C && !blk->dense; k++)
        load_column(blk, k, st->abc + k * M + first, 0);
    load_column(blk, GAIN, net->gain + first, 0);
    load_column(blk, SHIFT, net->shift + first, -1e4f);
    for (int64_t t = 0; t < net->n_traits; t++)
        load_column(blk, W + t, net->W + t * P + first, 0);
}

INLINE vf column(const float *values, int64_t k) { return load(values + k * LANES, LANES); }

/* z of one row and LANES features; dosage and heterozygosity come along. */
typedef struct {
    vf z, dosage, heterozygous;
} input;

/* j counts features within the block, `values` are their columns. */
INLINE input decode(const network *net, const batch *in, const state *st,
                    const block *blk, const float *values, int dense, int64_t row,
                    int64_t j, int lanes) {
    input out;
    if (dense) {
        const int64_t at = blk->first - net->n_markers + j;
        out.z = load(st->z_dense + row * st->stride + at, LANES);
        return out;
    }
    vb calls = {0};
    memcpy(&calls, in->genotypes + row * net->n_markers + blk->first + j, lanes);
    out.dosage = to_float(calls);
    out.heterozygous = out.dosage * (2.0f - out.dosage);
    out.z = column(values, A) + column(values, B) * out.dosage +
            column(values, C) * out.heterozygous;
    return out;
}

/* Runs BODY over a block's vectors: feature j and its columns `values`; the
 * compiler knows `dense`, and `lanes` but for the tail. */
#define FOR_VECTORS(blk, BODY)                                              \
    do {                                                                    \
        const int64_t width = (blk)->last - (blk)->first;                   \
        const float *values = (blk)->values;                                \
        int64_t j = 0;                                                      \
        if ((blk)->dense) {                                                 \
            enum { dense = 1, lanes = LANES };                              \
            for (; j < width; j += LANES, values += (blk)->pitch) BODY      \
        } else {                                                            \
            enum { dense = 0 };                                             \
            for (; j + LANES <= width; j += LANES, values += (blk)->pitch) { \
                enum { lanes = LANES };                                     \
                BODY                                                        \
            }                                                               \
            if (j < width) {                                                \
                const int lanes = (int)(width - j);                         \
                BODY                                                        \
            }                                                               \
        }                                                                   \
    } while (0)

/* Sums of z and z^2, kept by lane until the last block. */
INLINE void moments_block(const network *net, const batch *in, const state *st,
                          const block *blk, int64_t row, float *work) {
    vf total = load(work, LANES), square = load(work + LANES, LANES);
    FOR_VECTORS(blk, {
        vf z = decode(net, in, st, blk, values, dense, row, j, lanes).z;
        total += z;
        square += z * z;
    });
    store(work, total, LANES);
    store(work + LANES, square, LANES);
}

static void finish_moments(const network *net, float *stats, const float *work,
                           float eps) {
    const double mean = sum(load(work, LANES)) / net->n_features;
    const double square = sum(load(work + LANES, LANES)) / net->n_features;
    const double variance = fmax(square - mean * mean, 0.0);
    stats[MEAN] = (float)mean;
    stats[RECIPROCAL_SD] = (float)(1.0 / sqrt(variance + eps));
}

/* Running softmax of each lane: its top, its total, and the traits' W . exp zhat. */
INLINE void select_block(const network *net, const batch *in, const state *st,
                         const block *blk, int64_t row, float *work) {
    const int64_t T = net->n_traits;
    const float *stats = st->stats + N_STATS * row;
    const vf mean = splat(stats[MEAN]), r = splat(stats[RECIPROCAL_SD]);
    float buffer[BLOCK] __attribute__((aligned(64)));
    const vf before = load(work, LANES);
    vf top = before;
    FOR_VECTORS(blk, {
        vf xi = (decode(net, in, st, blk, values, dense, row, j, lanes).z - mean) * r;
        vf zhat = column(values, GAIN) * xi + column(values, SHIFT);
        store(buffer + j, zhat, LANES);
        top = vmax(top, zhat);
    });
    const vf shrink = vexp(before - top);
    const int64_t width = blk->last - blk->first;
    vf total = load(work + LANES, LANES) * shrink;
    for (int64_t j = 0; j < width; j += LANES) {
        vf zhat = load(buffer + j, LANES);
        vf e = vexp(zhat - top);
        total += e;
        store(buffer + j, e * zhat, LANES);
    }
    store(work, top, LANES);
    store(work + LANES, total, LANES);
    for (int64_t t = 0; t < T; t++) {
        vf product = load(work + (2 + t) * LANES, LANES) * shrink;
        const float *weight = blk->values + (W + t) * LANES;
        for (int64_t j = 0; j < width; j += LANES, weight += blk->pitch)
            product += load(weight, LANES) * load(buffer + j, LANES);
        store(work + (2 + t) * LANES, product, LANES);
    }
}

/* Joins the lanes' softmaxes into the row's. */
static void finish_row(const network *net, float *stats, float *y, const float *work) {
    const vf tops = load(work, LANES);
    float top = tops[0];
    for (int l = 1; l < LANES; l++) top = tops[l] > top ? tops[l] : top;
    const vf shrink = vexp(tops - top);
    stats[TOP] = top;
    stats[TOTAL] = sum(load(work + LANES, LANES) * shrink);
    for (int64_t t = 0; t < net->n_traits; t++)
        y[t] = sum(load(work + (2 + t) * LANES, LANES) * shrink) * net->n_features /
                   stats[TOTAL] + net->b[t];
}

/* work: (n, (T + 2) LANES) floats. */
void network_forward(const network *net, const batch *in, state *st, float *work,
                     float eps) {
    const int64_t n = in->n_rows, P = net->n_features, T = net->n_traits;
    const int64_t M = net->n_markers, per_row = (T + 2) * LANES;
    float *a = st->abc, *b = a + M, *c = b + M;
    block blk;
    blocks_forward(net, in->levels, 3, M, 0, a, M);
    for (int64_t i = 0; i < M; i++) { /* values at 0, 1, 2 -> a, b, c */
        const float slope = (c[i] - a[i]) / 2;
        c[i] = b[i] - a[i] - slope;
        b[i] = slope;
    }
    blocks_forward(net, in->dense, n, P - M, M, st->z_dense, st->stride);
    memset(work, 0, n * per_row * sizeof(float));
    for (int64_t first = 0; first < P; first = blk.last) {
        load_block(net, st, first, &blk);
        for (int64_t row = 0; row < n; row++)
            moments_block(net, in, st, &blk, row, work + row * per_row);
    }
    for (int64_t row = 0; row < n; row++) {
        finish_moments(net, st->stats + N_STATS * row, work + row * per_row, eps);
        memset(work + row * per_row, 0, per_row * sizeof(float));
        store(work + row * per_row, splat(-1e30f), LANES);
    }
    for (int64_t first = 0; first < P; first = blk.last) {
        load_block(net, st, first, &blk);
        for (int64_t row = 0; row < n; row++)
            select_block(net, in, st, &blk, row, work + row * per_row);
    }
    for (int64_t row = 0; row < n; row++)
        finish_row(net, st->stats + N_STATS * row, st->y + T * row,
                   work + row * per_row);
}

/* Adds dz's part to the sums for a, b, c, or to d_dense where the block is dense. */
INLINE void scatter(const network *net, const state *st, const block *blk, float *sums,
                    float *d_dense, input in, vf dz, int dense, int64_t row, int64_t j) {
    if (dense) {
        const int64_t at = blk->first - net->n_markers + j;
        add_to(d_dense + row * st->stride + at, dz, LANES);
        return;
    }
    add_to(sums + A * LANES, dz, LANES);
    add_to(sums + B * LANES, dz * in.dosage, LANES);
    add_to(sums + C * LANES, dz * in.heterozygous, LANES);
}

/* One block of one row: gradients of W, gain, shift, and r gain dzhat to a, b, c. */
INLINE void differentiate_block(const network *net, const batch *in, const state *st,
                                const block *blk, float *sums, const float *dy,
                                float *d_dense, int64_t row, float *work) {
    const int64_t P = net->n_features, T = net->n_traits;
    const float *stats = st->stats + N_STATS * row, *y = st->y + T * row;
    const vf mean = splat(stats[MEAN]), r = splat(stats[RECIPROCAL_SD]);
    const vf top = splat(stats[TOP]), scale = splat(P / stats[TOTAL]);
    float D = 0;
    for (int64_t t = 0; t < T; t++) D += dy[t] * (y[t] - net->b[t]) / P;
    vf m1 = load(work, LANES), m2 = load(work + LANES, LANES);
    FOR_VECTORS(blk, {
        input x = decode(net, in, st, blk, values, dense, row, j, lanes);
        vf gain = column(values, GAIN);
        vf xi = (x.z - mean) * r;
        vf zhat = gain * xi + column(values, SHIFT);
        vf w = vexp(zhat - top) * scale;
        vf selected = w * zhat;
        vf q = {0};
        for (int64_t t = 0; t < T; t++) {
            q += column(values, W + t) * dy[t];
            add_to(sums + (W + t) * LANES, selected * dy[t], LANES);
        }
        vf dzhat = w * (q * (1.0f + zhat) - D);
        add_to(sums + SHIFT * LANES, dzhat, LANES);
        add_to(sums + GAIN * LANES, dzhat * xi, LANES);
        vf dxi = gain * dzhat;
        m1 += dxi;
        m2 += dxi * xi;
        scatter(net, st, blk, sums, d_dense, x, r * dxi, dense, row, j);
        sums += blk->pitch;
    });
    store(work, m1, LANES);
    store(work + LANES, m2, LANES);
}

/* Subtracts r (m1 + xi m2), which needs the whole row's means. */
INLINE void centre_block(const network *net, const batch *in, const state *st,
                         const block *blk, float *sums, float *d_dense, int64_t row,
                         const float *work) {
    const float *stats = st->stats + N_STATS * row;
    const float r = stats[RECIPROCAL_SD];
    const float m1 = sum(load(work, LANES)) / net->n_features;
    const float m2 = sum(load(work + LANES, LANES)) / net->n_features;
    const vf slope = splat(-r * r * m2);
    const vf offset = splat(-r * m1 + r * r * m2 * stats[MEAN]);
    FOR_VECTORS(blk, {
        input x = decode(net, in, st, blk, values, dense, row, j, lanes);
        scatter(net, st, blk, sums, d_dense, x, offset + slope * x.z, dense, row, j);
        sums += blk->pitch;
    });
}

static void add_column(const block *blk, const float *sums, int64_t column, float *to) {
    const int64_t width = blk->last - blk->first;
    sums += column * LANES;
    for (int64_t j = 0; j < width; j += LANES, sums += blk->pitch)
        add_to(to + j, load(sums, LANES), width - j < LANES ? (int)(width - j) : LANES);
}

/* Adds a block's sums to the whole gradient. */
static void flush(const network *net, const block *blk, const float *sums, network *grad,
                  float *d_abc) {
    const int64_t M = net->n_markers, first = blk->first;
    for (int64_t k = A; k <= C && !blk->dense; k++)
        add_column(blk, sums, k, d_abc + k * M + first);
    add_column(blk, sums, GAIN, grad->gain + first);
    add_column(blk, sums, SHIFT, grad->shift + first);
    for (int64_t t = 0; t < net->n_traits; t++)
        add_column(blk, sums, W + t, grad->W + t * net->n_features + first);
}

/* grad, d_abc (3, M), d_dense (n, stride) and work (n, 2 LANES) come as zeros. */
void network_backward(const network *net, const batch *in, const state *st,
                      const float *dy, network *grad, float *d_abc, float *d_dense,
                      float *work) {
    const int64_t n = in->n_rows, P = net->n_features, T = net->n_traits;
    const int64_t M = net->n_markers, per_row = 2 * LANES;
    block blk;
    float sums[BLOCK * (N_FIXED + MAX_TRAITS)] __attribute__((aligned(64)));
    const size_t used = BLOCK * (N_FIXED + T) * sizeof(float);
    for (int64_t first = 0; first < P; first = blk.last) {
        load_block(net, st, first, &blk);
        memset(sums, 0, used);
        for (int64_t row = 0; row < n; row++)
            differentiate_block(net, in, st, &blk, sums, dy + T * row, d_dense, row,
                                work + row * per_row);
        flush(net, &blk, sums, grad, d_abc);
    }
    for (int64_t first = 0; first < P; first = blk.last) {
        load_block(net, st, first, &blk);
        memset(sums, 0, used);
        for (int64_t row = 0; row < n; row++)
            centre_block(net, in, st, &blk, sums, d_dense, row, work + row * per_row);
        flush(net, &blk, sums, grad, d_abc);
    }
    for (int64_t row = 0; row < n; row++)
        for (int64_t t = 0; t < T; t++) grad->b[t] += dy[row * T + t];
    float *d0 = d_abc, *d1 = d0 + M, *d2 = d1 + M;
    for (int64_t i = 0; i < M; i++) { /* gradients of a, b, c -> of values at 0, 1, 2 */
        const float half_b = d1[i] / 2, half_c = d2[i] / 2;
        d1[i] = d2[i];
        d0[i] -= half_b + half_c;
        d2[i] = half_b - half_c;
    }
    blocks_backward(net, grad, in->levels, d_abc, M, 3, M, 0);
    blocks_backward(net, grad, in->dense, d_dense, st->stride, n, P - M, M);
}
