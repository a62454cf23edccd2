/* Gibbs sweeps over blocks of features for many chains at once.
 *
 * A lane is a chain; a group has 16 or 32 lanes, however many a vector register holds.
 * Every lane has its own training rows (mask), centring, scaling and random stream, and
 * nothing ever crosses lanes, so that a chain's draws do not depend on its neighbours.
 *
 * With x~_j = (x_j - m_j)/s_j over a lane's rows, the residual without intercept is kept
 * uncentred, E = mask (y - ybar - sum_j x_j b_j/s_j), together with its sum S, and
 *     x~_j'e = (x_j'E - m_j S)/s_j.
 * Within a block of 32 features R = X_B'E is corrected by the block's Gram matrix, so
 * that E is read and written once per block and the order of updates is that of the
 * sweep one feature at a time. Arrays are described in lanes.py.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__) && !defined(__clang__)
#pragma GCC target("prefer-vector-width=512") /* else loops get half the width */
#endif

#define BLOCK 32
#define TILE 32 /* rows whose residuals and features stay in the first-level cache */
#define PAIRS (BLOCK * (BLOCK - 1) / 2)
#define NARROW 16
#define MAX_LANES 32
#if defined(__AVX512F__)
#define WIDTH 16 /* floats in a vector register */
#define ACCUMULATORS 16 /* vectors summed side by side; half the registers */
#elif defined(__AVX__)
#define WIDTH 8
#define ACCUMULATORS 8
#elif defined(__aarch64__)
#define WIDTH 4
#define ACCUMULATORS 16
#else
#define WIDTH 4
#define ACCUMULATORS 8
#endif
#pragma GCC diagnostic ignored "-Wpsabi" /* vectors never leave this file */
#define INLINE static inline __attribute__((always_inline))

/* Hides where a pointer came from: the compiler would keep one per row of a tile, more
 * than there are registers, instead of one with fixed offsets. */
#define ONE_ADDRESS(pointer) __asm__("" : "+r"(pointer))

typedef float vec __attribute__((vector_size(4 * WIDTH)));
typedef int32_t ivec __attribute__((vector_size(4 * WIDTH)));
typedef uint32_t uvec __attribute__((vector_size(4 * WIDTH)));
/* the same in memory, where nothing is promised about alignment */
typedef vec vec_at __attribute__((aligned(4), may_alias));
typedef uvec uvec_at __attribute__((aligned(4), may_alias));
typedef ivec ivec_at __attribute__((aligned(4), may_alias));

#define CLASSES 3 /* of BayesR's effects that are not zero */

enum model { BRR, BLASSO, BAYESC, BAYESR };
enum sums { SQUARES, INCLUDED, TAU2, SCALED_SQUARES, FIRST_CLASS };
#define N_SUMS (FIRST_CLASS + CLASSES)

/* A class's variance as a share of var_b (Erbe et al. 2012, Moser et al. 2015) */
static const float class_share[CLASSES] = {1e-4f, 1e-3f, 1e-2f};

struct lane_group {
    int32_t n_rows, n_marker_blocks, n_loading_blocks, lanes, model, n_cells;
    const int8_t *codes;      /* marker blocks x rows x 32 */
    const float *loadings;    /* loading blocks x rows x 32 */
    const int32_t *term;      /* blocks */
    const int8_t *mask;       /* rows x lanes: -1 in the lane's rows, else 0 */
    const float *n_used;      /* lanes */
    const float *target;      /* rows x lanes: y - ybar, 0 outside the lane's rows */
    const float *gram;        /* blocks x pairs x lanes */
    const float *shift;       /* slots x lanes: m_j */
    const float *inverse_sd;  /* slots x lanes: 1/s_j, 0 = leave the feature out */
    const float *x2;          /* slots x lanes: x~_j'x~_j */
    float *effect;            /* slots x lanes: b_j, in standardised units */
    float *inverse_tau2;      /* slots x lanes: Bayesian lasso's 1/tau2_j; BayesR's
                                 1/class_share of the effect's class, 0 for zero */
    float *residual;          /* rows x lanes: E */
    float *residual_sum;      /* lanes: S */
    uint32_t *rng;            /* 4 x lanes */
    const float *var_e;       /* lanes */
    const float *ratio;       /* terms x lanes: var_e / var_b */
    const float *logit_pi;    /* terms x lanes */
    const float *log_odds;    /* terms x CLASSES x lanes: of each class against zero */
    const float *lambda;      /* terms x lanes */
    double *residual_square;  /* lanes: e'e without the intercept's share */
    double *term_sums;        /* terms x N_SUMS x lanes */
    const int32_t *patch_start; /* blocks + 1: first patched cell of each block */
    const int32_t *patch_cells; /* row, column, first lane, end lane: 4 x cells */
    const float *patch_delta;   /* cells: the lanes' feature minus the shared one */
};

/* ---- random numbers ------------------------------------------------------------ */

INLINE uvec rotate(uvec x, int by) { return (x << by) | (x >> (32 - by)); }

/* xoshiro128++ (Blackman and Vigna 2019), one generator per lane */
INLINE uvec next_word(uvec s[4])
{
    uvec word = rotate(s[0] + s[3], 7) + s[0], t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 11);
    return word;
}

static void draw_words(uint32_t *rng, int lanes, uint32_t *out)
{
    for (int v = 0; v < lanes; v += WIDTH) {
        uvec s[4];
        for (int i = 0; i < 4; i++) s[i] = *(uvec_at *)(rng + i * lanes + v);
        for (int k = 0; k < BLOCK; k++) *(uvec_at *)(out + k * lanes + v) = next_word(s);
        for (int i = 0; i < 4; i++) *(uvec_at *)(rng + i * lanes + v) = s[i];
    }
}

/* Natural logarithm of a normal positive float; polynomial of Cephes' logf. */
INLINE float log_positive(float x)
{
    int32_t bits;
    memcpy(&bits, &x, 4);
    int32_t exponent = (bits - 0x3f3504f3) >> 23; /* mantissa in [sqrt(1/2), sqrt(2)) */
    bits -= exponent * (1 << 23);
    float m, e = (float)exponent;
    memcpy(&m, &bits, 4);
    float f = m - 1.0f, z = f * f;
    float p = 7.0376836292e-2f;
    p = p * f - 1.1514610310e-1f;
    p = p * f + 1.1676998740e-1f;
    p = p * f - 1.2420140846e-1f;
    p = p * f + 1.4249322787e-1f;
    p = p * f - 1.6668057665e-1f;
    p = p * f + 2.0000714765e-1f;
    p = p * f - 2.4999993993e-1f;
    p = p * f + 3.3333331174e-1f;
    float tail = p * f * z - 2.12194440e-4f * e - 0.5f * z;
    return f + tail + 0.693359375f * e;
}

/* 32 bits for the radius (finer near 0, hence in the tails) ... */
INLINE float unit_fine(uint32_t word)
{
    return ((float)(int32_t)(word >> 1) + 0.5f) * 0x1p-31f;
}

/* ... and 24, strictly inside (0, 1), where 1 - u is needed as well */
INLINE float unit_open(uint32_t word)
{
    return ((float)(int32_t)(word >> 8) + 0.5f) * 0x1p-24f;
}

/* Box and Muller: the angle is a quadrant (two bits) and a part within +-pi/4. */
INLINE void normal_pair(uint32_t first, uint32_t second, float *z1, float *z2)
{
    float radius = sqrtf(-2.0f * log_positive(unit_fine(first)));
    float a = ((float)(int32_t)(second >> 8 & 0x3fffff) + 0.5f - 0x1p21f);
    a *= 1.57079632679f * 0x1p-22f;
    float q = a * a;
    float s = -1.9515295891e-4f * q + 8.3321608736e-3f;
    s = (s * q - 1.6666654611e-1f) * q * a + a;
    float c = 2.443315711809948e-5f * q - 1.388731625493765e-3f;
    c = (c * q + 4.166664568298827e-2f) * q * q - 0.5f * q + 1.0f;
    float x = second & 0x40000000u ? s : c, y = second & 0x40000000u ? c : s;
    *z1 = second & 0x80000000u ? -radius * x : radius * x;
    *z2 = second & 0x80000000u ? -radius * y : radius * y;
}

/* 32 normals per lane; features k and k + 16 share a pair of words. */
static void draw_normals(uint32_t *rng, int lanes, float *z)
{
    uint32_t word[BLOCK * MAX_LANES];
    const int half = BLOCK / 2 * lanes;
    draw_words(rng, lanes, word);
    for (int i = 0; i < half; i++)
        normal_pair(word[i], word[half + i], &z[i], &z[half + i]);
}

static void draw_uniforms(uint32_t *rng, int lanes, float *u)
{
    uint32_t word[BLOCK * MAX_LANES];
    draw_words(rng, lanes, word);
    for (int i = 0; i < BLOCK * lanes; i++) u[i] = unit_open(word[i]);
}

/* ---- the two matrix products, a tile of rows at a time ------------------------- */

/* Features of a block in rows row .. row + TILE, as floats. */
INLINE const float *feature_tile(const struct lane_group *g, int block, int row,
                                 float *buffer)
{
    const int64_t at = ((int64_t)block * g->n_rows + row) * BLOCK;
    if (block >= g->n_marker_blocks)
        return g->loadings + at - (int64_t)g->n_marker_blocks * g->n_rows * BLOCK;
    for (int i = 0; i < TILE * BLOCK; i++) buffer[i] = (float)g->codes[at + i];
    return buffer;
}

/* Vectors that the products take abreast: two reuse a broadcast feature, if there are. */
#define ABREAST(lanes) ((lanes) > WIDTH ? 2 : 1)

/* E -= mask X_B D */
INLINE void subtract_tile(const struct lane_group *g, int row, const float *x,
                          const float *step, const int lanes)
{
    const int V = ABREAST(lanes), rows = ACCUMULATORS / V;
    int32_t keep[TILE * MAX_LANES] __attribute__((aligned(64)));
    float *e = g->residual + (int64_t)row * lanes;
    for (int i = 0; i < TILE * lanes; i++) keep[i] = g->mask[(int64_t)row * lanes + i];
    for (int lane = 0; lane < lanes; lane += V * WIDTH)
        for (int r = 0; r < TILE; r += rows) {
            vec acc[ACCUMULATORS];
#pragma GCC unroll 16
            for (int a = 0; a < ACCUMULATORS; a++)
                acc[a] = *(vec_at *)(e + (r + a / V) * lanes + lane + a % V * WIDTH);
            for (int k = 0; k < BLOCK; k++) {
                vec d[2];
                for (int v = 0; v < V; v++)
                    d[v] = *(const vec_at *)(step + k * lanes + lane + v * WIDTH);
                const float *column = x + r * BLOCK + k;
                ONE_ADDRESS(column);
#pragma GCC unroll 16
                for (int a = 0; a < ACCUMULATORS; a++)
                    acc[a] -= column[a / V * BLOCK] * d[a % V];
            }
#pragma GCC unroll 16
            for (int a = 0; a < ACCUMULATORS; a++) {
                const int at = (r + a / V) * lanes + lane + a % V * WIDTH;
                *(vec_at *)(e + at) = (vec)((ivec)acc[a] & *(ivec_at *)(keep + at));
            }
        }
}

/* R += X_B'E */
INLINE void gather_tile(const struct lane_group *g, int row, const float *x,
                        float *right, const int lanes)
{
    const int V = ABREAST(lanes), columns = ACCUMULATORS / V;
    const float *e = g->residual + (int64_t)row * lanes;
    for (int lane = 0; lane < lanes; lane += V * WIDTH)
        for (int k = 0; k < BLOCK; k += columns) {
            vec acc[ACCUMULATORS];
#pragma GCC unroll 16
            for (int a = 0; a < ACCUMULATORS; a++)
                acc[a] =
                    *(vec_at *)(right + (k + a / V) * lanes + lane + a % V * WIDTH);
            for (int r = 0; r < TILE; r++) {
                vec row_e[2];
                for (int v = 0; v < V; v++)
                    row_e[v] = *(const vec_at *)(e + r * lanes + lane + v * WIDTH);
#pragma GCC unroll 16
                for (int a = 0; a < ACCUMULATORS; a++)
                    acc[a] += x[r * BLOCK + k + a / V] * row_e[a % V];
            }
#pragma GCC unroll 16
            for (int a = 0; a < ACCUMULATORS; a++)
                *(vec_at *)(right + (k + a / V) * lanes + lane + a % V * WIDTH) = acc[a];
        }
}

/* Cells in which some lanes' features differ from the shared ones, X + Delta: calls that
 * were missing, filled by the lanes' own training rows. */

/* E -= mask Delta_B D in the rows up to `row`; returns the first cell beyond. */
static int subtract_cells(const struct lane_group *g, int cell, int end, int row,
                          const float *step, int lanes)
{
    const int32_t *rows = g->patch_cells, *columns = rows + g->n_cells;
    const int32_t *first = columns + g->n_cells, *last = first + g->n_cells;
    for (; cell < end && rows[cell] < row; cell++) {
        const int64_t at = (int64_t)rows[cell] * lanes;
        const float *d = step + columns[cell] * lanes;
        for (int l = first[cell]; l < last[cell]; l++)
            if (g->mask[at + l]) g->residual[at + l] -= g->patch_delta[cell] * d[l];
    }
    return cell;
}

/* R += Delta_B'E; E is 0 outside a lane's rows */
static void gather_cells(const struct lane_group *g, int block, float *right, int lanes)
{
    const int32_t *rows = g->patch_cells, *columns = rows + g->n_cells;
    const int32_t *first = columns + g->n_cells, *last = first + g->n_cells;
    for (int cell = g->patch_start[block]; cell < g->patch_start[block + 1]; cell++) {
        const float *e = g->residual + (int64_t)rows[cell] * lanes;
        float *r = right + columns[cell] * lanes;
        for (int l = first[cell]; l < last[cell]; l++)
            r[l] += g->patch_delta[cell] * e[l];
    }
}

/* One pass over the rows: take the steps of a block out of E, then form R of the next.
 * Either may be absent (-1). */
INLINE void pass_rows(const struct lane_group *g, int update, int next,
                      const float *step, float *right, const int lanes)
{
    float buffer[TILE * BLOCK] __attribute__((aligned(64)));
    int cell = update < 0 ? 0 : g->patch_start[update];
    const int end = update < 0 ? 0 : g->patch_start[update + 1];
    memset(right, 0, sizeof(float) * BLOCK * lanes);
    for (int row = 0; row < g->n_rows; row += TILE) {
        if (update >= 0)
            subtract_tile(g, row, feature_tile(g, update, row, buffer), step, lanes);
        cell = subtract_cells(g, cell, end, row + TILE, step, lanes);
        if (next >= 0)
            gather_tile(g, row, feature_tile(g, next, row, buffer), right, lanes);
    }
    if (next >= 0) gather_cells(g, next, right, lanes);
}

/* ---- one block's features ------------------------------------------------------ */

/* What does not depend on the residual, for all features of a block at once:
 * b_j | rest ~ N(shrink q, var_e shrink) with q = x~_j'e + x2_j b_j, and for BayesC
 * d_j = 1 iff odds + q^2 shrink/(2 var_e) > 0, odds = logit(pi) - log(c var_b)/2
 * - logit(u), u uniform. For BayesR the class (or zero) with the largest log weight plus
 * Gumbel noise -log(-log u) is a draw from all four; zero's score is taken as 0. */
struct block_draws {
    float shrink[BLOCK * MAX_LANES], noise[BLOCK * MAX_LANES], odds[BLOCK * MAX_LANES];
    float class_shrink[CLASSES][BLOCK * MAX_LANES];
    float class_noise[CLASSES][BLOCK * MAX_LANES];
    float class_score[CLASSES][BLOCK * MAX_LANES];
};

INLINE float gumbel(float u) { return -log_positive(-log_positive(u)); }

INLINE void prepare_classes(const struct lane_group *g, int block, struct block_draws *w,
                            const int lanes)
{
    const float *x2 = g->x2 + (int64_t)block * BLOCK * lanes;
    const float *ratio = g->ratio + g->term[block] * lanes;
    const float *log_odds = g->log_odds + g->term[block] * CLASSES * lanes;
    draw_uniforms(g->rng, lanes, w->odds); /* zero's luck, the same for all classes */
    for (int i = 0; i < BLOCK * lanes; i++) w->odds[i] = gumbel(w->odds[i]);
    for (int c = 0; c < CLASSES; c++) {
        float *score = w->class_score[c];
        draw_uniforms(g->rng, lanes, score);
        for (int k = 0; k < BLOCK; k++)
            for (int l = 0; l < lanes; l++) {
                const int i = k * lanes + l;
                const float penalty = ratio[l] / class_share[c];
                const float shrink = x2[i] > 0.0f ? 1.0f / (x2[i] + penalty) : 0.0f;
                const float size = 0.5f * log_positive(1.0f + x2[i] / penalty);
                const float luck = gumbel(score[i]) - w->odds[i];
                w->class_shrink[c][i] = shrink;
                w->class_noise[c][i] = w->noise[i] * sqrtf(g->var_e[l] * shrink);
                score[i] = x2[i] > 0.0f ? log_odds[c * lanes + l] - size + luck : -1e30f;
            }
    }
}

INLINE void prepare_block(const struct lane_group *g, int block, struct block_draws *w,
                          const int lanes)
{
    const int64_t at = (int64_t)block * BLOCK * lanes;
    const float *x2 = g->x2 + at, *inverse_tau2 = g->inverse_tau2 + at;
    const float *ratio = g->ratio + g->term[block] * lanes;
    const float *logit_pi = g->logit_pi + g->term[block] * lanes;
    draw_normals(g->rng, lanes, w->noise);
    if (g->model == BAYESR) {
        prepare_classes(g, block, w, lanes);
        return;
    }
    if (g->model == BAYESC) draw_uniforms(g->rng, lanes, w->odds);
    for (int k = 0; k < BLOCK; k++)
        for (int l = 0; l < lanes; l++) {
            const int i = k * lanes + l;
            const float penalty = g->model == BLASSO ? inverse_tau2[i] : ratio[l];
            const float shrink = x2[i] > 0.0f ? 1.0f / (x2[i] + penalty) : 0.0f;
            w->shrink[i] = shrink;
            w->noise[i] *= sqrtf(g->var_e[l] * shrink);
            if (g->model == BAYESC) {
                const float u = w->odds[i];
                w->odds[i] = logit_pi[l] - 0.5f * log_positive(1.0f + x2[i] / ratio[l])
                           - log_positive(u) + log_positive(1.0f - u);
            }
        }
}

INLINE vec pick(ivec where, vec yes, vec no)
{
    return (vec)((where & (ivec)yes) | (~where & (ivec)no));
}

/* BayesR's draw of effect i of a block; leaves 1/class_share of its class. */
INLINE vec draw_class(const struct block_draws *w, int i, vec q, vec half_precision,
                      float *inverse_share)
{
    vec drawn = {0}, best = {0}, inverse = {0};
    for (int c = 0; c < CLASSES; c++) {
        const vec shrink = *(const vec_at *)(w->class_shrink[c] + i);
        const vec noise = *(const vec_at *)(w->class_noise[c] + i);
        const vec score = *(const vec_at *)(w->class_score[c] + i)
                        + half_precision * shrink * q * q;
        const ivec better = score > best;
        drawn = pick(better, q * shrink + noise, drawn);
        inverse = pick(better, (vec){0} + 1.0f / class_share[c], inverse);
        best = pick(better, score, best);
    }
    *(vec_at *)inverse_share = inverse;
    return drawn;
}

/* Draws the effects of a block in turn; step = change of b_j/s_j. */
INLINE void draw_effects(const struct lane_group *g, int block, float *right,
                         const struct block_draws *w, float *step, const int lanes)
{
    const int64_t first = (int64_t)block * BLOCK * lanes;
    for (int lane = 0; lane < lanes; lane += WIDTH) {
        const float *gram = g->gram + (int64_t)block * PAIRS * lanes + lane;
        vec sum = *(vec_at *)(g->residual_sum + lane);
        const vec n_used = *(const vec_at *)(g->n_used + lane);
        const vec half_precision = 0.5f / *(const vec_at *)(g->var_e + lane);
        for (int k = 0; k < BLOCK; k++) {
            const int i = k * lanes + lane;
            const vec shift = *(const vec_at *)(g->shift + first + i);
            const vec inverse_sd = *(const vec_at *)(g->inverse_sd + first + i);
            const vec old = *(vec_at *)(g->effect + first + i);
            const vec q = (*(vec_at *)(right + i) - shift * sum) * inverse_sd
                        + *(const vec_at *)(g->x2 + first + i) * old;
            vec drawn;
            if (g->model == BAYESR) {
                float *inverse_share = g->inverse_tau2 + first + i;
                drawn = draw_class(w, i, q, half_precision, inverse_share);
            } else {
                const vec shrink = *(const vec_at *)(w->shrink + i);
                drawn = q * shrink + *(const vec_at *)(w->noise + i);
                if (g->model == BAYESC) {
                    const vec odds = *(const vec_at *)(w->odds + i);
                    const ivec in = odds + half_precision * shrink * q * q > 0;
                    drawn = (vec)((ivec)drawn & in);
                }
            }
            const vec d = (drawn - old) * inverse_sd;
            *(vec_at *)(g->effect + first + i) = drawn;
            *(vec_at *)(step + i) = d;
            sum -= n_used * shift * d;
            for (int j = k + 1; j < BLOCK; j++, gram += lanes)
                *(vec_at *)(right + j * lanes + lane) -= *(const vec_at *)gram * d;
        }
        *(vec_at *)(g->residual_sum + lane) = sum;
    }
}

/* 1/tau2_j ~ inverse Gaussian(nu, lambda^2), nu = sqrt(var_e) lambda/|b_j|, from a
 * squared normal y2 and a uniform; the smaller root is nu a, a in (0, 1], without
 * cancellation. */
INLINE void draw_tau2(const struct lane_group *g, int block, const int lanes)
{
    float z[BLOCK * MAX_LANES], u[BLOCK * MAX_LANES];
    const int64_t first = (int64_t)block * BLOCK * lanes;
    const float *lambda = g->lambda + g->term[block] * lanes;
    const float *b = g->effect + first;
    float *inverse_tau2 = g->inverse_tau2 + first;
    draw_normals(g->rng, lanes, z);
    draw_uniforms(g->rng, lanes, u);
    for (int k = 0; k < BLOCK; k++)
        for (int l = 0; l < lanes; l++) {
            const int i = k * lanes + l;
            const float size = fabsf(b[i]) > 1e-9f ? fabsf(b[i]) : 1e-9f;
            const float nu = sqrtf(g->var_e[l]) * lambda[l] / size;
            const float w = 0.5f * nu * z[i] * z[i] / (lambda[l] * lambda[l]);
            const float a = 1.0f / (1.0f + w + sqrtf(w * (2.0f + w)));
            inverse_tau2[i] = u[i] * (1.0f + a) <= 1.0f ? nu * a : nu / a;
        }
}

/* Sums over a term's features that its hyper-parameters depend on, in double. */
INLINE void add_sums(const struct lane_group *g, int block, const int lanes)
{
    double *total = g->term_sums + (int64_t)g->term[block] * N_SUMS * lanes;
    const int64_t first = (int64_t)block * BLOCK * lanes;
    for (int k = 0; k < BLOCK; k++)
        for (int l = 0; l < lanes; l++) {
            const int64_t i = first + k * lanes + l;
            const double b = g->effect[i], square = b * b;
            total[SQUARES * lanes + l] += square;
            total[INCLUDED * lanes + l] += b != 0.0;
            if (g->model == BLASSO) {
                const double inverse = g->inverse_tau2[i];
                total[TAU2 * lanes + l] += g->x2[i] > 0.0f ? 1.0 / inverse : 0.0;
                total[SCALED_SQUARES * lanes + l] += square * inverse;
            }
            if (g->model == BAYESR) {
                const float inverse = g->inverse_tau2[i];
                total[SCALED_SQUARES * lanes + l] += square * inverse;
                for (int c = 0; c < CLASSES; c++)
                    total[(FIRST_CLASS + c) * lanes + l] +=
                        inverse == 1.0f / class_share[c];
            }
        }
}

/* ---- whole sweeps -------------------------------------------------------------- */

/* S and e'e = E'E - S^2/n from scratch. */
INLINE void sum_residuals(const struct lane_group *g, const int lanes)
{
    double sum[MAX_LANES] = {0}, square[MAX_LANES] = {0};
    for (int row = 0; row < g->n_rows; row++)
        for (int l = 0; l < lanes; l++) {
            const double e = g->residual[(int64_t)row * lanes + l];
            sum[l] += e;
            square[l] += e * e;
        }
    for (int l = 0; l < lanes; l++) {
        const double n = g->n_used[l] > 0 ? g->n_used[l] : 1;
        g->residual_sum[l] = (float)sum[l];
        g->residual_square[l] = square[l] - sum[l] * sum[l] / n;
    }
}

INLINE void sweep(const struct lane_group *g, const int lanes)
{
    const int blocks = g->n_marker_blocks + g->n_loading_blocks;
    float right[BLOCK * MAX_LANES] __attribute__((aligned(64)));
    float step[BLOCK * MAX_LANES] __attribute__((aligned(64)));
    struct block_draws draws;
    memset(g->term_sums, 0, sizeof(double) * 2 * N_SUMS * lanes);
    pass_rows(g, -1, 0, step, right, lanes);
    for (int block = 0; block < blocks; block++) {
        prepare_block(g, block, &draws, lanes);
        draw_effects(g, block, right, &draws, step, lanes);
        if (g->model == BLASSO) draw_tau2(g, block, lanes);
        add_sums(g, block, lanes);
        pass_rows(g, block, block + 1 < blocks ? block + 1 : -1, step, right, lanes);
    }
    sum_residuals(g, lanes);
}

INLINE void refresh(const struct lane_group *g, const int lanes)
{
    const int blocks = g->n_marker_blocks + g->n_loading_blocks;
    float right[BLOCK * MAX_LANES], step[BLOCK * MAX_LANES];
    memcpy(g->residual, g->target, sizeof(float) * g->n_rows * lanes);
    for (int block = 0; block < blocks; block++) {
        const int64_t first = (int64_t)block * BLOCK * lanes;
        for (int i = 0; i < BLOCK * lanes; i++)
            step[i] = g->effect[first + i] * g->inverse_sd[first + i];
        pass_rows(g, block, -1, step, right, lanes);
    }
    sum_residuals(g, lanes);
}

/* One draw of every effect (and tau2_j), in order. */
void gibbs_sweep(const struct lane_group *g)
{
    if (g->lanes == NARROW)
        sweep(g, NARROW);
    else
        sweep(g, MAX_LANES);
}

/* E = mask (y - ybar - X b/s) from scratch, against drift. */
void gibbs_refresh(const struct lane_group *g)
{
    if (g->lanes == NARROW)
        refresh(g, NARROW);
    else
        refresh(g, MAX_LANES);
}

/* Fills `normals` and `uniforms` (n x 32 x lanes) as the sweep would draw them. */
void gibbs_draws(uint32_t *rng, int32_t lanes, int64_t n, float *normals, float *uniforms)
{
    for (int64_t i = 0; i < n; i++) {
        draw_normals(rng, lanes, normals + i * BLOCK * lanes);
        draw_uniforms(rng, lanes, uniforms + i * BLOCK * lanes);
    }
}

/* ---- posterior summaries ------------------------------------------------------- */

/* Welford's running mean and sum of squares, and how often an effect was not zero. */
void gibbs_record(const float *effect, int64_t size, int32_t draw, float *mean,
                  float *square, float *included)
{
    const float weight = 1.0f / (float)draw;
    for (int64_t i = 0; i < size; i++) {
        const float off = effect[i] - mean[i];
        mean[i] += off * weight;
        square[i] += off * (effect[i] - mean[i]);
        included[i] += effect[i] != 0.0f;
    }
}

/* Keeps the `depth` smallest of sign * value; returns the largest of them. */
static float replace_largest(float *kept, int depth, float value)
{
    int at = 0;
    for (int i = 1; i < depth; i++)
        if (kept[i] > kept[at]) at = i;
    kept[at] = value;
    float top = kept[0];
    for (int i = 1; i < depth; i++) top = kept[i] > top ? kept[i] : top;
    return top;
}

/* Order statistics of both tails: tail = size x 2 x depth holds the smallest b and the
 * smallest -b seen so far, cut = 2 x size the largest of either. */
void gibbs_tails(const float *effect, int64_t size, int32_t draw, int32_t depth,
                 float *tail, float *cut)
{
    for (int side = 0; side < 2; side++) {
        float *edge = cut + side * size;
        const float sign = side ? -1.0f : 1.0f;
        for (int64_t i = 0; i < size; i++) {
            const float value = sign * effect[i];
            float *kept = tail + (2 * i + side) * depth;
            if (draw <= depth) {
                kept[draw - 1] = value;
                edge[i] = draw == 1 || value > edge[i] ? value : edge[i];
            } else if (value < edge[i]) {
                edge[i] = replace_largest(kept, depth, value);
            }
        }
    }
}
