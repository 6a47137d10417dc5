// What `cppn` draws with, for fragment shaders (GLSL ES 3.00): the same operations in the same order
// as cppn/activations.py and cppn/color.py. Functions are separated by blank lines; each uses only
// those above it. Nothing here leaves a sine to the driver: theirs lose all digits for large
// arguments, and some of them many for small ones.

// (-1)^k for a whole number k
float parity(float k) { return 1.0 - 2.0 * (k - 2.0 * floor(0.5 * k)); }

// p - k pi, in two steps of which the first is exact for |k| < 65536, that is |p| < 200000
float remainder_of(float p, float k) {
  return clamp((p - k * 3.140625) - k * 9.67653589793e-4, -1.5707963267948966, 1.5707963267948966);
}

// the sine of p - k pi, by a polynomial that is off by 2e-7 at most
float sine_of_remainder(float p, float k) {
  float r = remainder_of(p, k);
  float s = r * r;
  float polynomial = 2.6083159e-6 * s - 1.9810690e-4;
  polynomial = polynomial * s + 8.3330255e-3;
  polynomial = polynomial * s - 0.16666659;
  return polynomial * s * r + r;
}

float f_sine(float p) {
  float k = roundEven(p * 0.3183098861837907);
  return sine_of_remainder(p, k) * parity(k);
}

float f_cosine(float p) {
  float k = floor(p * 0.3183098861837907);
  return -sine_of_remainder(p, k + 0.5) * parity(k);
}

// written out, and without overflow: tanh of some drivers is infinite / infinite beyond 44
float f_tanh(float p) { return 1.0 - 2.0 / (exp(2.0 * clamp(p, -20.0, 20.0)) + 1.0); }

float f_sigmoid(float p) { return f_tanh(0.5 * p); }

float f_gaussian(float p) { return exp(-p * p); }

float f_bipolar_gaussian(float p) { return 2.0 * exp(-p * p) - 1.0; }

float f_linear(float p) { return clamp(p, -3.0, 3.0) * 0.3333333333333333; }

float f_relu(float p) { return clamp(p, 0.0, 3.0) * 0.3333333333333333; }

float f_abs(float p) { return min(abs(p), 3.0) * 0.3333333333333333; }

float f_step(float p) { return p > 0.0 ? 1.0 : -1.0; }

float f_square_wave(float p) { return parity(floor(p * 0.3183098861837907)); }

float f_triangle_wave(float p) {
  float k = roundEven(p * 0.3183098861837907);
  return remainder_of(p, k) * 0.6366197723675814 * parity(k);
}

vec3 color_grey(vec3 level) { return level; }

vec3 color_rgb(vec3 level) { return level; }

// hue in whole turns, saturation, value
vec3 color_hsv(vec3 level) {
  vec3 k = vec3(5.0, 3.0, 1.0) + 4.0 * level.x + 2.0 * level.x;
  k = k - 6.0 * floor(k * 0.16666666666666666);
  return level.z - min(level.z * level.y * clamp(min(k, 4.0 - k), 0.0, 1.0), level.z);
}

// hue in turns of 510 degrees, lightness, saturation
vec3 color_hls(vec3 level) {
  float a = level.z * min(level.y, 1.0 - level.y);
  vec3 k = vec3(0.0, 8.0, 4.0) + 16.0 * level.x + level.x;
  k = k - 12.0 * floor(k * 0.08333333333333333);
  return level.y - min(vec3(a) * clamp(min(k - 3.0, 9.0 - k), -1.0, 1.0), a);
}

vec3 nearest_level(vec3 level) { return roundEven(level * 255.0) / 255.0; }

vec3 level_below(vec3 level) { return floor(level * 255.0) / 255.0; }
