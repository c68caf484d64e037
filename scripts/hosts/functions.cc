// functions.cc: a C++ program whose own functions and objects scripts use.
//
//     c++ functions.cc $(pkg-config --cflags --libs cresset) -o functions && ./functions
//
// ./functions SECONDS FILE... runs scripts from files, each for so long at most in an interpreter
// of its own: one that fails does not stop the others.
//
// A particle system in C++, steered from Lua: "world" is an object of the program, world:push(i,
// force) and world:step(dt) are its methods, world:positions() a tensor over its own memory.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <stdexcept>
#include <vector>

#include <cresset.h>

namespace {

class World {
public:
  explicit World(size_t n) : position_(n), velocity_(n) {}
  void push(size_t i, float force) {
    if (i >= velocity_.size()) throw std::out_of_range("there is no particle of that number");
    velocity_[i] += force;
  }
  void step(float dt) {
    for (size_t i = 0; i < position_.size(); i++) position_[i] += velocity_[i] * dt;
  }
  std::vector<float> &position() { return position_; }

private:
  std::vector<float> position_, velocity_;
};

// No exception may pass through the interpreter: each function of the host ends here.
template <typename Body> int guarded(cresset *c, Body body) {
  try {
    return body();
  } catch (const std::exception &e) {
    return cresset_fail(c, "%s", e.what());
  }
}

int world_push(cresset *c, void *) {
  World *world;
  long long i;
  double force;
  if (cresset_arguments(c, "pld", "World", &world, &i, &force)) return CRESSET_ERROR;
  return guarded(c, [&] {
    world->push(static_cast<size_t>(i - 1), static_cast<float>(force));
    return CRESSET_OK;
  });
}

int world_step(cresset *c, void *) {
  World *world;
  double dt = 0.1;
  if (cresset_arguments(c, "p|d", "World", &world, &dt)) return CRESSET_ERROR;
  return guarded(c, [&] {
    world->step(static_cast<float>(dt));
    return CRESSET_OK;
  });
}

// The tensor shares the positions; it keeps the world, as long as scripts hold it.
int world_positions(cresset *c, void *user) {
  auto *shared = static_cast<std::shared_ptr<World> *>(user);
  World *world;
  if (cresset_arguments(c, "p", "World", &world)) return CRESSET_ERROR;
  return guarded(c, [&] {
    auto owner = std::make_unique<std::shared_ptr<World>>(*shared);
    const int64_t shape[] = {static_cast<int64_t>(world->position().size())};
    cresset_tensor *t = cresset_tensor_wrap(
        world->position().data(), CRESSET_FLOAT32, 1, shape, nullptr,
        [](void *kept, void *) { delete static_cast<std::shared_ptr<World> *>(kept); },
        owner.get());
    if (!t) return cresset_fail(c, "%s", cresset_error(nullptr));
    owner.release();
    int code = cresset_results(c, "t", t);
    cresset_tensor_release(t);
    return code;
  });
}

struct Close {
  void operator()(cresset *c) const { cresset_close(c); }
};

// Runs a script, from a file or, without a path, the one below, with the world as `world`.
bool steer(std::shared_ptr<World> &world, const char *path, double seconds) {
  static const char script[] = "world:push(1, 2) world:push(3, -1)\n"
                               "for i = 1, 10 do world:step() end\n"
                               "local x = world:positions()\n"
                               "print(x:view(1, -1))\n"
                               "x:mul(10)  -- the program's own memory\n"
                               "print(select(2, pcall(world.push, world, 9, 1)))\n";
  cresset_options options = {};
  options.seconds = seconds;
  options.lua_memory = options.tensor_memory = 256 << 20;
  std::unique_ptr<cresset, Close> c(cresset_open(&options));
  cresset_value *object = nullptr;
  int code = c ? CRESSET_OK : CRESSET_ERROR;
  if (!code) code = cresset_register(c.get(), nullptr, "World:push", world_push, nullptr);
  if (!code) code = cresset_register(c.get(), nullptr, "World:step", world_step, nullptr);
  if (!code) code = cresset_register(c.get(), nullptr, "World:positions", world_positions, &world);
  if (!code) code = cresset_wrap(c.get(), "World", world.get(), nullptr, &object);
  if (!code) code = cresset_set(c.get(), nullptr, "world", "v", object);
  if (!code)
    code = path ? cresset_run_file(c.get(), path) : cresset_run_string(c.get(), "steer", script);
  if (code) std::fprintf(stderr, "code %d: %s\n", code, cresset_error(c.get()));
  if (c) cresset_release(c.get(), object);
  return code == CRESSET_OK;
}

} // namespace

int main(int argc, char **argv) {
  auto world = std::make_shared<World>(3);
  bool ok = true;
  if (argc < 3) ok = steer(world, nullptr, 10);
  for (int i = 2; i < argc; i++) ok = steer(world, argv[i], std::atof(argv[1])) && ok;
  std::printf("%.0f %.0f %.0f\n", world->position()[0], world->position()[1], world->position()[2]);
  return !ok;
}
