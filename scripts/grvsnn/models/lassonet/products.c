/* LassoNet's two products with features of three levels, and its proximal step.
 *
 * Four features have 81 combinations of levels, and a row names its own in one byte. So
 *     (X W')_n = sum over groups of table[code of n],  table[c] = sum_j level_j(c) w_j,
 * adds K numbers a row and group where the product of floats multiplies 4 K. Backwards,
 *     (D'X)_kj = sum_c level_j(c) sums[c]_k,  sums[c] = sum of D_n over rows of code c.
 *
 * K outputs (skip connections and first layer side by side) lie in V vectors, the last
 * padded with zeros. One thread; callers may run several at once.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef __AVX512F__
#define LANES 16
#else
#define LANES 8
#endif
#define COLUMNS 4   /* features of a group */
#define CODES 81    /* 3^4 */
#define MAX_VECTORS 8
#define MAX_OUTPUTS 64
#define ABREAST 3   /* groups whose tables stay in the first-level cache */
#pragma GCC diagnostic ignored "-Wpsabi" /* vectors never leave this file */
#define INLINE static inline __attribute__((always_inline))

typedef float vec __attribute__((vector_size(4 * LANES)));
typedef int32_t ivec __attribute__((vector_size(4 * LANES)));
typedef vec vec_at __attribute__((aligned(4), may_alias));

typedef struct {
    int64_t n_rows, n_features, n_groups, n_outputs;
    const uint8_t *codes; /* groups x rows: c_0 + 3 c_1 + 9 c_2 + 27 c_3 */
    const float *levels;  /* 4 groups x 3 */
} features;

/* Weights of a group's features as rows of V vectors; 0 beyond the last feature. */
INLINE void load_weights(const features *f, int64_t group, const float *weights,
                         float *rows, const int V)
{
    const int64_t first = group * COLUMNS;
    memset(rows, 0, sizeof(float) * COLUMNS * V * LANES);
    for (int j = 0; j < COLUMNS && first + j < f->n_features; j++)
        for (int64_t k = 0; k < f->n_outputs; k++)
            rows[j * V * LANES + k] = weights[k * f->n_features + first + j];
}

INLINE void build_table(const features *f, int64_t group, const float *weights,
                        vec *table, const int V)
{
    float rows[COLUMNS * MAX_VECTORS * LANES];
    const float *levels = f->levels + group * COLUMNS * 3;
    load_weights(f, group, weights, rows, V);
    for (int v = 0; v < V; v++) table[v] = (vec){0};
    for (int j = 0, size = 1; j < COLUMNS; j++, size *= 3)
        for (int c = 2; c >= 0; c--) /* the first third, which they start from, last */
            for (int i = 0; i < size; i++)
                for (int v = 0; v < V; v++)
                    table[(c * size + i) * V + v] =
                        table[i * V + v]
                        + levels[j * 3 + c] * *(vec_at *)(rows + (j * V + v) * LANES);
}

INLINE void forward(const features *f, const float *weights, float *out, const int V)
{
    vec tables[ABREAST * CODES * MAX_VECTORS];
    memset(out, 0, sizeof(float) * f->n_rows * V * LANES);
    for (int64_t group = 0; group < f->n_groups; group += ABREAST) {
        const int64_t left = f->n_groups - group;
        const int count = left < ABREAST ? (int)left : ABREAST;
        for (int g = 0; g < count; g++)
            build_table(f, group + g, weights, tables + g * CODES * V, V);
        for (int64_t n = 0; n < f->n_rows; n++) {
            vec_at *row = (vec_at *)(out + n * V * LANES);
            vec sum[MAX_VECTORS];
            for (int v = 0; v < V; v++) sum[v] = row[v];
            for (int g = 0; g < count; g++) {
                const int code = f->codes[(group + g) * f->n_rows + n];
                const vec *entry = tables + (g * CODES + code) * V;
                for (int v = 0; v < V; v++) sum[v] += entry[v];
            }
            for (int v = 0; v < V; v++) row[v] = sum[v];
        }
    }
}

/* Gradient of a group's features from the sums by code, folded column by column. */
INLINE void fold_sums(const features *f, int64_t group, vec *sums, float *gradient,
                      const int V)
{
    const float *levels = f->levels + group * COLUMNS * 3;
    for (int j = COLUMNS - 1, size = CODES / 3; j >= 0; j--, size /= 3) {
        vec of_level[3][MAX_VECTORS];
        for (int c = 0; c < 3; c++)
            for (int v = 0; v < V; v++) {
                vec total = (vec){0};
                for (int i = 0; i < size; i++) total += sums[(c * size + i) * V + v];
                of_level[c][v] = total;
            }
        const int64_t feature = group * COLUMNS + j;
        for (int v = 0; v < V && feature < f->n_features; v++) {
            const vec sum = levels[j * 3] * of_level[0][v]
                          + levels[j * 3 + 1] * of_level[1][v]
                          + levels[j * 3 + 2] * of_level[2][v];
            for (int l = 0; l < LANES && v * LANES + l < f->n_outputs; l++)
                gradient[(v * LANES + l) * f->n_features + feature] = sum[l];
        }
        for (int i = 0; i < size * V; i++)
            sums[i] += sums[size * V + i] + sums[2 * size * V + i];
    }
}

INLINE void backward(const features *f, const float *d, float *gradient, const int V)
{
    vec sums[ABREAST * CODES * MAX_VECTORS];
    for (int64_t group = 0; group < f->n_groups; group += ABREAST) {
        const int64_t left = f->n_groups - group;
        const int count = left < ABREAST ? (int)left : ABREAST;
        memset(sums, 0, sizeof sums[0] * ABREAST * CODES * V);
        for (int64_t n = 0; n < f->n_rows; n++) {
            vec row[MAX_VECTORS];
            for (int v = 0; v < V; v++) row[v] = ((vec_at *)(d + n * V * LANES))[v];
            for (int g = 0; g < count; g++) {
                const int code = f->codes[(group + g) * f->n_rows + n];
                vec *entry = sums + (g * CODES + code) * V;
                for (int v = 0; v < V; v++) entry[v] += row[v];
            }
        }
        for (int g = 0; g < count; g++)
            fold_sums(f, group + g, sums + g * CODES * V, gradient, V);
    }
}

/* The number of vectors as a constant, so that loops over them are unrolled. */
#define FOR_VECTORS(f, call) \
    switch (((f)->n_outputs + LANES - 1) / LANES) { \
    case 1: call(1); break; \
    case 2: call(2); break; \
    case 3: call(3); break; \
    case 4: call(4); break; \
    case 5: call(5); break; \
    case 6: call(6); break; \
    case 7: call(7); break; \
    case 8: call(8); break; \
    }

int64_t lassonet_lanes(void) { return LANES; }

/* out (rows x V LANES) = X W', weights (outputs x features) */
void lassonet_forward(const features *f, const float *weights, float *out)
{
#define CALL(V) forward(f, weights, out, V)
    FOR_VECTORS(f, CALL)
#undef CALL
}

/* gradient (outputs x features) = D'X, d (rows x V LANES) */
void lassonet_backward(const features *f, const float *d, float *gradient)
{
#define CALL(V) backward(f, d, gradient, V)
    FOR_VECTORS(f, CALL)
#undef CALL
}

/* ---- the proximal step ---------------------------------------------------------- */

INLINE vec pick(ivec where, vec yes, vec no)
{
    return (vec)((where & (ivec)yes) | (~where & (ivec)no));
}

INLINE vec larger(vec a, vec b) { return pick(a > b, a, b); }
INLINE vec smaller(vec a, vec b) { return pick(a < b, a, b); }

/* Columns first .. first + width of a matrix as rows of one vector, 0 beyond. */
INLINE void load_columns(const float *from, int64_t rows, int64_t P, int width, vec *to)
{
    for (int64_t k = 0; k < rows; k++)
        if (width == LANES) {
            to[k] = *(const vec_at *)(from + k * P);
        } else {
            to[k] = (vec){0};
            for (int l = 0; l < width; l++) to[k][l] = from[k * P + l];
        }
}

INLINE void store_columns(const vec *from, int64_t rows, int64_t P, int width,
                          float *to)
{
    for (int64_t k = 0; k < rows; k++)
        if (width == LANES)
            *(vec_at *)(to + k * P) = from[k];
        else
            for (int l = 0; l < width; l++) to[k * P + l] = from[k][l];
}

/* Size of the new skip weights; see regressor.proximal_step for what it minimises.
 * Newton's steps from below; once no other bound binds, the root is exact. */
INLINE vec solve(vec norm, const vec *size, int64_t n_layer, float shrinkage, float M)
{
    const vec zero = {0};
    const ivec alive = norm > zero;
    vec b = larger(norm - shrinkage, zero), before = zero - 1.0f;
    for (int64_t step = 0; step <= n_layer; step++) {
        vec count = zero, total = zero;
        for (int64_t k = 0; k < n_layer; k++) {
            const ivec over = size[k] > M * b;
            count += pick(over, zero + 1.0f, zero);
            total += pick(over, size[k], zero);
        }
        const ivec changed = alive & (count != before);
        int any = 0;
        for (int l = 0; l < LANES; l++) any |= changed[l];
        if (!any) break;
        const vec next = larger(norm - shrinkage + M * total, zero);
        b = pick(alive & (count > zero), next / (1.0f + M * M * count), b);
        before = count;
    }
    return b;
}

INLINE void shrink_features(float *skip, float *layer, int64_t n_skip, int64_t n_layer,
                            int64_t P, float shrinkage, float M, const int width)
{
    vec v[MAX_OUTPUTS], u[MAX_OUTPUTS], size[MAX_OUTPUTS], norm = {0};
    load_columns(skip, n_skip, P, width, v);
    load_columns(layer, n_layer, P, width, u);
    for (int64_t t = 0; t < n_skip; t++) norm += v[t] * v[t];
    for (int l = 0; l < LANES; l++) norm[l] = sqrtf(norm[l]);
    for (int64_t k = 0; k < n_layer; k++) size[k] = larger(u[k], -u[k]);
    const vec b = solve(norm, size, n_layer, shrinkage, M), bound = M * b;
    const vec factor = pick(norm > (vec){0}, b / norm, (vec){0});
    for (int64_t t = 0; t < n_skip; t++) v[t] *= factor;
    for (int64_t k = 0; k < n_layer; k++) u[k] = smaller(larger(u[k], -bound), bound);
    store_columns(v, n_skip, P, width, skip);
    store_columns(u, n_layer, P, width, layer);
}

/* skip (n_skip x P) and layer (n_layer x P), in place */
void lassonet_shrink(float *skip, float *layer, int64_t n_skip, int64_t n_layer,
                     int64_t P, float shrinkage, float M)
{
    int64_t p = 0;
    for (; p + LANES <= P; p += LANES)
        shrink_features(skip + p, layer + p, n_skip, n_layer, P, shrinkage, M, LANES);
    if (p < P)
        shrink_features(skip + p, layer + p, n_skip, n_layer, P, shrinkage, M,
                        (int)(P - p));
}
