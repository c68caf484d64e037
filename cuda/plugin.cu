/* plugin.cu: the entry of this library: checks that there is a device, hands out the tables. */
#include "cuda/runtime.h"

const cr_plugin_core *cr_cuda_core;

static cr_backend tensor_table;
static cr_nn_backend nn_table;
static cr_device_control control;
static cr_plugin plugin;

static void fill_tables() {
  tensor_table.name = "cuda";
  cr_cuda_fill_memory(&tensor_table, &control);
  cr_cuda_fill_pinned(&control);
  cr_cuda_fill_device(&tensor_table, &control);
  cr_cuda_fill_compile(&control);
  cr_cuda_fill_graph(&control);
  cr_cuda_fill_clique(&control);
  cr_cuda_fill_copy(&tensor_table);
  cr_cuda_fill_unary(&tensor_table);
  cr_cuda_fill_binary(&tensor_table);
  cr_cuda_fill_pointwise(&tensor_table);
  cr_cuda_fill_update(&tensor_table);
  cr_cuda_fill_special(&tensor_table);
  cr_cuda_fill_reduce(&tensor_table);
  cr_cuda_fill_scan(&tensor_table);
  cr_cuda_fill_sort(&tensor_table);
  cr_cuda_fill_index(&tensor_table);
  cr_cuda_fill_random(&tensor_table);
  cr_cuda_fill_sample(&tensor_table);
  cr_cuda_fill_distance(&tensor_table);
  cr_cuda_fill_gemm(&tensor_table);
  cr_cuda_fill_fft(&tensor_table);
  cr_cuda_fill_linalg(&tensor_table);
  cr_cuda_fill_conv(&nn_table);
  cr_cuda_fill_pool(&nn_table);
  cr_cuda_fill_windows(&nn_table);
  cr_cuda_fill_embedding(&nn_table);
  cr_cuda_fill_batch_norm(&nn_table);
  cr_cuda_fill_layer_norm(&nn_table);
  cr_cuda_fill_softmax(&nn_table);
  cr_cuda_fill_loss(&nn_table);
  cr_cuda_fill_ctc(&nn_table);
  cr_cuda_fill_dropout(&nn_table);
  cr_cuda_fill_bias(&nn_table);
  cr_cuda_fill_recurrent(&nn_table);
  cr_cuda_fill_recurrent_stack(&nn_table);
  cr_cuda_fill_attention(&nn_table);
  cr_cuda_fill_rotary(&nn_table);
}

/* Says what is missing for CUDA on this machine. */
static bool check_machine() {
  int devices = 0, driver = 0;
  cudaError_t e = cudaGetDeviceCount(&devices);
  if (e == cudaSuccess && devices > 0) return true;
  cudaGetLastError();
  cudaDriverGetVersion(&driver);
  if (e == cudaErrorInsufficientDriver && driver == 0)
    return cr_fail("CUDA cannot be used: no NVIDIA driver was found (libcuda.so.1)");
  if (e == cudaErrorInsufficientDriver)
    return cr_fail(
        "CUDA cannot be used: the NVIDIA driver is too old: it is for CUDA %d.%d, this build needs "
        "%d.%d",
        driver / 1000, driver % 1000 / 10, CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
  if (e == cudaSuccess || e == cudaErrorNoDevice)
    return cr_fail(
        "CUDA cannot be used: this machine has no CUDA device (or CUDA_VISIBLE_DEVICES hides it)");
  return cr_cuda_ok(e, "looking for a device");
}

extern "C" __attribute__((visibility("default"))) const cr_plugin *
cr_cuda_open(int abi, const cr_plugin_core *core) {
  plugin.abi = CR_PLUGIN_ABI;
  if (abi != CR_PLUGIN_ABI) return &plugin; /* the core compares the numbers */
  cr_cuda_core = core;
  if (!check_machine()) return NULL;
  fill_tables();
  plugin.tensor = &tensor_table;
  plugin.nn = &nn_table;
  plugin.control = &control;
  return &plugin;
}
