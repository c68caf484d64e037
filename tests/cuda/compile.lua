-- compile: kernels that a script compiles (torch.cuda.compile).  run_runtime runs it, on the emulation or,
-- where there is a GPU, on that.
local torch = require "torch"
local cuda = torch.cuda

local tester = torch.Tester()
local tests = torch.TestSuite()

local function fails(f, ...)
  local ok, message = pcall(f)
  tester:assert(not ok, "no error")
  for _, wanted in ipairs { ... } do
    local there = tostring(message):find(wanted, 1, true)
    tester:assert(there ~= nil, wanted .. " is not in: " .. tostring(message))
  end
end

local source = [[
// two kernels: __global__ void none(int x)
extern "C" __global__ void axpy(int n, float a, const float *__restrict__ x, float *y) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] += a * x[i];
}

template <typename T, int N = 3>
__global__ void __launch_bounds__(128) times(T *x, long long n /* how many */) {
  __shared__ T factor[1];
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (threadIdx.x == 0) factor[0] = N;
  __syncthreads();
  if (i < n) x[i] = x[i] * factor[0];
}

__global__ void turn(float *x) {
  extern __shared__ float line[];
  line[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  x[threadIdx.x] = line[blockDim.x - 1 - threadIdx.x];
}
]]

-- ---- calling --------------------------------------------------------------------------------------------

function tests.axpy()
  local k = cuda.compile(source, "axpy")
  local x, y = torch.CudaTensor(1000):fill(2), torch.CudaTensor(1000):fill(1)
  k(8, 128, 1000, 3, x, y)
  tester:eq(y:sum(), 7000)
  k({ 4, 1 }, { 128 }, 500, 0.5, x, y:narrow(1, 501, 500))
  tester:eq(y:narrow(1, 1, 500):sum(), 3500)
  tester:eq(y:narrow(1, 501, 500):sum(), 4000)
  tester:eq(tostring(k), "torch.cuda.Kernel: axpy")
end

function tests.templates()
  local d = torch.CudaDoubleTensor(7):fill(2)
  cuda.compile(source, "times<double>")(1, 8, d, 6)
  tester:eq(d:cpu(), torch.DoubleTensor { 6, 6, 6, 6, 6, 6, 2 })
  local i = torch.CudaIntTensor(7):fill(2)
  cuda.compile(source, "times<int, 5>")(1, 8, i, 7)
  tester:eq(i:cpu(), torch.IntTensor(7):fill(10))
end

function tests.dynamic_shared_memory()
  local x = torch.range(1, 5):float():cuda()
  local k = cuda.compile(source, "turn")
  k(1, { 5, shared = 5 * 4 }, x)
  tester:eq(x:cpu(), torch.FloatTensor { 5, 4, 3, 2, 1 })
  local info = k:info()
  tester:assert(info.maxThreads >= 128 and info.registers > 0 and info.shared >= 0 and info["local"] >= 0)
end

-- Each type of numbers and elements, from what a script has.
function tests.types()
  local k = cuda.compile([[
    __global__ void types(float *out, bool b, signed char c, unsigned char u, short s, unsigned short us,
                          int i, unsigned ui, long long l, unsigned long long ul, size_t z, float f,
                          const double d) {
      float v[12] = {(float)b, (float)c, (float)u, (float)s, (float)us, (float)i, (float)ui, (float)l,
                     (float)ul, (float)z, f, (float)d};
      for (int k = 0; k < 12; k++) out[k] = v[k];
    }]])
  local out = torch.CudaTensor(12)
  k(1, 1, out, true, -128, 255, -32768, 65535, -2147483648, 4294967295, -3, 5, 2^20, 0.5,
    torch.Tensor { 0.25 }:sum())
  tester:eq(out:cpu(), torch.FloatTensor { 1, -128, 255, -32768, 65535, -2147483648, 4294967295, -3, 5, 2^20,
    0.5, 0.25 })
  fails(function() k(1, 1, out, true, 128, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1) end,
    "types: argument 3 (signed char c): 128 is out of its range")
  fails(function() k(1, 1, out, true, 1, -1, 1, 1, 1, 1, 1, 1, 1, 1, 1) end,
    "argument 4", "-1 is out of its range")
  fails(function() k(1, 1, out, true, 1, 1, 1, 1, 1.5, 1, 1, 1, 1, 1, 1) end, "argument 7", "a whole number")
  fails(function() k(1, 1, out, true, 1, 1, 1, 1, 1, 1, 1, 1, 1, "x", 1) end,
    "a number is wanted, got a string")
  fails(function() k(1, 1, out, true, 1, 1, 1, 1, 1, 1, 1, 1, 1, true, 1) end,
    "a number is wanted, got a boolean")
end

function tests.pointers()
  local k = cuda.compile([[
    __global__ void f(const long long *a, unsigned char const *b, bool c[], void *d, const void *) {
      c[0] = a != 0;
      c[1] = b == 0;
    }]])
  local a, c = torch.CudaLongTensor(2), torch.CudaBoolTensor(2)
  k(1, 1, a, nil, c, torch.CudaDoubleTensor(1), a)
  tester:eq(c:cpu(), torch.BoolTensor { true, true })
  fails(function() k(1, 1, torch.CudaIntTensor(2), nil, c, nil, nil) end,
    "f: argument 1 (const long long *a): a tensor of int64 is wanted, got one of int32")
  fails(function() k(1, 1, torch.LongTensor(2), nil, c, nil, nil) end, "x:cuda() moves it")
  fails(function() k(1, 1, torch.CudaLongTensor(2, 2):t(), nil, c, nil, nil) end,
    "x:contiguous() makes it so")
  fails(function() k(1, 1, 3, nil, c, nil, nil) end, "a tensor or nil is wanted, got a number")
  fails(function() k(1, 1, a, nil, c) end, "f: 5 arguments are wanted after the grid and the block, got 3")
  fails(function() k() end, "f: 5 arguments are wanted")
end

function tests.shapes()
  local k = cuda.compile(source, "turn")
  local x = torch.CudaTensor(4)
  for _, bad in ipairs { 0, -1, 1.5, "x", 2^40 } do
    fails(function() k(bad, 1, x) end, "n, or {x, y, z}")
    fails(function() k(1, { 1, bad }, x) end, "n, or {x, y, z}")
  end
  fails(function() k(1, { 1, shared = -4 }, x) end, "shared is a number of bytes")
  fails(function() k(1, 2048, x) end, "turn: starting the kernel failed: invalid argument")
  fails(function() k(1, { 4, shared = 2^30 }, x) end, "turn: asking for shared memory failed")
  k(1, { 4, shared = 16 }, x:fill(1))
  tester:eq(x:sum(), 4)
end

if cuda.getDeviceCount() > 1 then
  function tests.several_devices()
    local k = cuda.compile(source, "axpy")
    cuda.withDevice(2, function()
      local x = torch.CudaTensor(4):fill(1)
      k(1, 4, 4, 2, x, x)
      tester:eq(x:sum(), 12)
      cuda.withDevice(1, function() k(1, 4, 4, 2, x, x) end) -- where its tensors are
      tester:eq(x:sum(), 36)
      fails(function() k(1, 4, 4, 2, x, torch.ones(4):to("cuda:1")) end,
        "the tensor is on cuda:1, those before it on cuda:2")
    end)
  end
end

-- ---- gradients ------------------------------------------------------------------------------------------

function tests.in_a_function()
  local k = cuda.compile([[
    extern "C" __global__ void cube(const double *x, double *y, const double *g, int n) {
      int i = blockIdx.x * blockDim.x + threadIdx.x;
      if (i < n) y[i] = g ? 3 * x[i] * x[i] * g[i] : x[i] * x[i] * x[i];
    }]])
  local function run(x, g)
    local y = torch.CudaDoubleTensor(x:size())
    k(1, 32, x:contiguous(), y, g and g:contiguous(), x:nElement())
    return y
  end
  local cube = torch.Function {
    forward = function(ctx, x)
      ctx:saveForBackward(x)
      return run(x)
    end,
    backward = function(ctx, g) return run(ctx:savedTensors(), g) end,
  }
  local x = torch.CudaDoubleTensor { 1, 2, -3 }:requireGrad()
  cube(x):sum():backward()
  tester:eq(x.grad:cpu(), torch.DoubleTensor { 3, 12, 27 })
  tester:assert(torch.gradcheck(cube, { x }))
end

function tests.writing_is_noticed()
  local k = cuda.compile(source, "turn")
  local x = torch.CudaTensor(4):fill(1):requireGrad()
  local y = x * 2
  fails(function() k(1, { 4, shared = 16 }, y) end, "takes part in a gradient", "torch.Function")
  local square = torch.square(y)
  k(1, { 4, shared = 16 }, y:detach())
  fails(function() square:sum():backward() end, "was overwritten in place")
end

-- ---- what does not compile ------------------------------------------------------------------------------

function tests.sources()
  fails(function() cuda.compile("int f() { return 1; }") end, "the source has no __global__ function")
  fails(function() cuda.compile(source) end, "several kernels (axpy, times, turn)")
  fails(function() cuda.compile(source, "foo") end, "no __global__ function 'foo', but axpy, times, turn")
  fails(function() cuda.compile(source, "times") end, "is a template", '"times<float>"')
  fails(function() cuda.compile "struct s { int a; }; __global__ void f(s x) {}" end,
    "the parameter 's x' is neither a pointer nor a number")
  fails(function() cuda.compile(3) end, "source is a number, wanted a string")
  fails(function() cuda.compile(source, 3) end, "name is a number, wanted a string")
  fails(function() cuda.compile(source, "axpy", 3) end, "options is a number, wanted a table")
  fails(function() cuda.compile(source, "axpy", { options = { 3 } }) end, "option 1 is a number")
  fails(function() cuda.compile(source, "axpy", { options = { "--no-such-option" } }) end, "option")
end

function tests.errors_have_lines()
  fails(function()
    cuda.compile("__global__ void f(float *x) {\n  x[0] = missing;\n}", { file = "mine.cu" })
  end, "mine.cu does not compile", "mine.cu", "2", "missing")
end

function tests.options()
  local k = cuda.compile("__global__ void f(int *x) { x[0] = N; }", "f", { options = { "-DN=7" } })
  local x = torch.CudaIntTensor(1)
  k(1, 1, x)
  tester:eq(x[1], 7)
end

tester:add(tests)
tester:run()
