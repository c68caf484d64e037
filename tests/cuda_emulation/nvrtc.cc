/* nvrtc.cc: a fake of NVRTC: the host's compiler makes a shared object of a kernel's source, with
 * the emulation's headers; the fake of the driver loads it. */
#include <nvrtc.h>

#include <dlfcn.h>
#include <fstream>
#include <map>
#include <sstream>
#include <stdlib.h>
#include <string.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

struct _nvrtcProgram {
  std::string source, file, log, code;
  std::vector<std::string> names;
  bool compiled;
};

namespace {

std::string read_file(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/* The shared object that this code is part of, for the kernel's to be linked to. */
std::string own_path() {
  Dl_info info;
  char real[4096];
  if (!dladdr(reinterpret_cast<void *>(&own_path), &info) || !realpath(info.dli_fname, real))
    return "";
  return real;
}

/* A declaration of shared memory, "float tile[4][4]", by the macro that the emulation has for it.
 */
std::string as_macro(const std::string &declared, bool dynamic) {
  size_t open = declared.find('['), close = declared.rfind(']');
  std::string head = declared.substr(0, open);
  head.erase(head.find_last_not_of(" \n\t") + 1);
  size_t name_at = head.find_last_of(" \n\t*") + 1;
  std::string type = head.substr(0, name_at), name = head.substr(name_at);
  if (dynamic) return "CR_DYNAMIC_SHARED(" + type + ", " + name + ")";
  if (open == std::string::npos)
    return "CR_SHARED(" + type + ", shared_" + name + ", 1); " + type + " &" + name + " = shared_" +
           name + "[0]";
  return "CR_SHARED(" + type + ", " + name + ", " + declared.substr(open + 1, close - open - 1) +
         ")";
}

std::string with_macros(std::string s) {
  static const std::string word = "__shared__", before = "extern";
  for (size_t at = s.find(word); at != std::string::npos; at = s.find(word, at)) {
    size_t end = s.find(';', at), last = s.find_last_not_of(" \n\t", at ? at - 1 : 0);
    if (end == std::string::npos) break;
    bool dynamic = last != std::string::npos && last + 1 >= before.size() &&
                   s.compare(last + 1 - before.size(), before.size(), before) == 0;
    std::string macro = as_macro(s.substr(at + word.size(), end - at - word.size()), dynamic);
    size_t from = dynamic ? last + 1 - before.size() : at;
    s.replace(from, end - from, macro);
    at = from + macro.size();
  }
  return s;
}

std::string whole_source(const _nvrtcProgram &p) {
  std::ostringstream out;
  out << "#include <emulation/compiled.h>\n#line 1 \"" << p.file << "\"\n"
      << with_macros(p.source) << "\n#line 1 \"kernel names\"\n";
  for (size_t i = 0; i < p.names.size(); i++) {
    out << "static cudaError_t start_" << i
        << "(dim3 g, dim3 b, size_t shared, cudaStream_t s, void **a) {\n"
        << "  return cr_emulate_compiled(\"" << p.names[i] << "\", &" << p.names[i]
        << ", g, b, shared, s, a, decltype(cr_emulation_places(&" << p.names[i] << "))());\n}\n"
        << "extern \"C\" __attribute__((visibility(\"default\"))) const cr_emulation_compiled "
        << "compiled_" << i << " = {reinterpret_cast<const void *>(&" << p.names[i] << "), start_"
        << i << "};\n";
  }
  return out.str();
}

/* What the host's compiler is told of an option; false: NVRTC has no such option. */
bool translate(const std::string &option, std::vector<std::string> *arguments) {
  static const char *const ignored[] = {"--gpu-architecture=", "-arch=",   "--maxrregcount=",
                                        "-lineinfo",           "-G",       "--use_fast_math",
                                        "-use_fast_math",      "--fmad=",  "-default-device",
                                        "--device-debug",      "--std=c++"};
  if (option.rfind("-D", 0) == 0 || option.rfind("-I", 0) == 0) {
    arguments->push_back(option);
    return true;
  }
  for (const char *prefix : ignored)
    if (option.rfind(prefix, 0) == 0) return true;
  return false;
}

/* Runs a program with its messages going to a file; its exit status. */
int run(const std::vector<std::string> &command, const std::string &messages) {
  std::vector<char *> list;
  for (const std::string &word : command) list.push_back(const_cast<char *>(word.c_str()));
  list.push_back(NULL);
  pid_t child = fork();
  if (child == 0) {
    if (freopen(messages.c_str(), "w", stderr)) execvp(list[0], list.data());
    _exit(127);
  }
  int status = -1;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

/* In a folder of its own. */
bool compile_in(const std::string &folder, _nvrtcProgram *p,
                const std::vector<std::string> &arguments) {
  std::string in = folder + "/kernel.cc", out = folder + "/kernel.so", said = folder + "/log";
  std::ofstream(in) << whole_source(*p);
  std::vector<std::string> command = {getenv("CXX") ? getenv("CXX") : "g++",
                                      "-std=c++17",
                                      "-O1",
                                      "-fPIC",
                                      "-shared",
                                      "-fvisibility=hidden",
                                      "-Wno-unknown-pragmas",
                                      "-DCR_CUDA_EMULATION",
                                      "-I" CR_EMULATION_HEADERS};
  command.insert(command.end(), arguments.begin(), arguments.end());
  command.insert(command.end(), {in, own_path(), "-o", out});
  int status = run(command, said);
  p->log = read_file(said);
  if (status == 0) p->code = read_file(out);
  for (const std::string &file : {in, out, said}) unlink(file.c_str());
  return status == 0 && !p->code.empty();
}

int place_of(const _nvrtcProgram &p, const char *name) {
  for (size_t i = 0; i < p.names.size(); i++)
    if (p.names[i] == name) return (int)i;
  return -1;
}

} // namespace

nvrtcResult nvrtcVersion(int *major, int *minor) {
  if (!major || !minor) return NVRTC_ERROR_INVALID_INPUT;
  *major = 13, *minor = 0;
  return NVRTC_SUCCESS;
}

const char *nvrtcGetErrorString(nvrtcResult result) {
  switch (result) {
  case NVRTC_SUCCESS: return "NVRTC_SUCCESS";
  case NVRTC_ERROR_OUT_OF_MEMORY: return "NVRTC_ERROR_OUT_OF_MEMORY";
  case NVRTC_ERROR_INVALID_INPUT: return "NVRTC_ERROR_INVALID_INPUT";
  case NVRTC_ERROR_INVALID_PROGRAM: return "NVRTC_ERROR_INVALID_PROGRAM";
  case NVRTC_ERROR_INVALID_OPTION: return "NVRTC_ERROR_INVALID_OPTION";
  case NVRTC_ERROR_COMPILATION: return "NVRTC_ERROR_COMPILATION";
  default: return "NVRTC_ERROR unknown";
  }
}

nvrtcResult nvrtcGetNumSupportedArchs(int *numArchs) {
  if (!numArchs) return NVRTC_ERROR_INVALID_INPUT;
  *numArchs = 2;
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetSupportedArchs(int *supportedArchs) {
  if (!supportedArchs) return NVRTC_ERROR_INVALID_INPUT;
  supportedArchs[0] = 80, supportedArchs[1] = 90;
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcCreateProgram(nvrtcProgram *prog, const char *src, const char *name,
                               int numHeaders, const char *const *, const char *const *) {
  if (!prog || !src || numHeaders) return NVRTC_ERROR_INVALID_INPUT;
  *prog = new _nvrtcProgram{src, name ? name : "default_program", "", "", {}, false};
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcDestroyProgram(nvrtcProgram *prog) {
  if (!prog || !*prog) return NVRTC_ERROR_INVALID_PROGRAM;
  delete *prog;
  *prog = NULL;
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcAddNameExpression(nvrtcProgram prog, const char *name_expression) {
  if (!prog || !name_expression) return NVRTC_ERROR_INVALID_INPUT;
  if (prog->compiled) return NVRTC_ERROR_NO_NAME_EXPRESSIONS_AFTER_COMPILATION;
  prog->names.push_back(name_expression);
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcCompileProgram(nvrtcProgram prog, int numOptions, const char *const *options) {
  if (!prog) return NVRTC_ERROR_INVALID_PROGRAM;
  std::vector<std::string> arguments;
  for (int i = 0; i < numOptions; i++) {
    if (translate(options[i], &arguments)) continue;
    prog->log = std::string("error: unrecognized option ") + options[i] + " found\n";
    return NVRTC_ERROR_INVALID_OPTION;
  }
  char folder[] = "/tmp/cresset-kernel-XXXXXX";
  if (!mkdtemp(folder)) return NVRTC_ERROR_BUILTIN_OPERATION_FAILURE;
  prog->compiled = compile_in(folder, prog, arguments);
  rmdir(folder);
  return prog->compiled ? NVRTC_SUCCESS : NVRTC_ERROR_COMPILATION;
}

/* ---- what came of it --------------------------------------------------------------------- */

static nvrtcResult give(const std::string &from, size_t *size) {
  if (!size) return NVRTC_ERROR_INVALID_INPUT;
  *size = from.size();
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram prog, size_t *logSizeRet) {
  nvrtcResult result = prog ? give(prog->log, logSizeRet) : NVRTC_ERROR_INVALID_PROGRAM;
  if (result == NVRTC_SUCCESS) ++*logSizeRet;
  return result;
}

nvrtcResult nvrtcGetProgramLog(nvrtcProgram prog, char *log) {
  if (!prog || !log) return NVRTC_ERROR_INVALID_INPUT;
  memcpy(log, prog->log.c_str(), prog->log.size() + 1);
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetLoweredName(nvrtcProgram prog, const char *name_expression,
                                const char **lowered_name) {
  static const std::vector<std::string> lowered = {"compiled_0", "compiled_1", "compiled_2",
                                                   "compiled_3"};
  if (!prog || !name_expression || !lowered_name) return NVRTC_ERROR_INVALID_INPUT;
  if (!prog->compiled) return NVRTC_ERROR_NO_LOWERED_NAMES_BEFORE_COMPILATION;
  int place = place_of(*prog, name_expression);
  if (place < 0 || (size_t)place >= lowered.size()) return NVRTC_ERROR_NAME_EXPRESSION_NOT_VALID;
  *lowered_name = lowered[(size_t)place].c_str();
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetCUBINSize(nvrtcProgram prog, size_t *cubinSizeRet) {
  return prog && prog->compiled ? give(prog->code, cubinSizeRet) : NVRTC_ERROR_INVALID_PROGRAM;
}

nvrtcResult nvrtcGetCUBIN(nvrtcProgram prog, char *cubin) {
  if (!prog || !prog->compiled || !cubin) return NVRTC_ERROR_INVALID_PROGRAM;
  memcpy(cubin, prog->code.data(), prog->code.size());
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetPTXSize(nvrtcProgram prog, size_t *ptxSizeRet) {
  return nvrtcGetCUBINSize(prog, ptxSizeRet);
}

nvrtcResult nvrtcGetPTX(nvrtcProgram prog, char *ptx) {
  return nvrtcGetCUBIN(prog, ptx);
}
