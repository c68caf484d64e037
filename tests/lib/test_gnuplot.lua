-- test_gnuplot: Torch7's package for figures: what it tells gnuplot, and what it does without.
local torch = require "torch"
local gnuplot = require "gnuplot"
local plot = require "plot"
local paths = require "paths"
local program = require "plot.gnuplot"
local figures = require "gnuplot.figures"

local tester = torch.Tester()
local tests = torch.TestSuite()

local real = program.program()

local function read_all(path)
  local file = assert(io.open(path, "rb"))
  local s = file:read("a")
  file:close()
  return s
end

local function in_folder(f)
  local folder = os.tmpname()
  os.remove(folder)
  assert(paths.mkdir(folder))
  local ok, err = pcall(f, folder)
  gnuplot.closeall()
  program.setProgram(real)
  figures.setTerminal(nil)
  paths.rmall(folder, "yes")
  if not ok then error(err, 0) end
end

-- Runs f with a program that writes down what it is told; gives that.
local function told(f, body)
  local log
  in_folder(function(folder)
    local path = folder .. "/gnuplot"
    local file = assert(io.open(path, "w"))
    file:write("#!/bin/sh\n",
      "if [ \"$1\" = -e ]; then printf 'Available:\\n   pngcairo  a\\n       png  b\\n   svg  c\\n",
      "   qt  window\\n   postscript  p\\n'; exit; fi\n", body or "exec cat >> '" .. folder .. "/log'\n")
    file:close()
    os.execute("chmod +x " .. path)
    gnuplot.setgnuplotexe(path)
    f(folder)
    gnuplot.closeall()
    log = paths.filep(folder .. "/log") and read_all(folder .. "/log") or ""
  end)
  return log
end

local function contains(text, part)
  tester:assert(text:find(part, 1, true) ~= nil, part .. " / " .. text)
end

local function fails(pattern, f, ...)
  local ok, message = pcall(f, ...)
  tester:assert(not ok, "should fail: " .. pattern)
  tester:assert(tostring(message):find(pattern) ~= nil, pattern .. " / " .. tostring(message))
end

-- What is told for one call.
local function drawn(f, ...)
  local arguments = table.pack(...)
  return told(function(folder)
    gnuplot.svgfigure(folder .. "/a.svg")
    f(table.unpack(arguments, 1, arguments.n))
  end)
end

function tests.forms_of_plot()
  local x, y = torch.Tensor { 1, 2 }, torch.Tensor { 3, 4.5 }
  local function case(want, ...) contains(drawn(gnuplot.plot, ...), want) end
  case("$DATA1 << END\n1 3\n2 4.5\nEND\nplot $DATA1 title ''", y)
  case("plot $DATA1 title '' with lines", y, "-")
  case("$DATA1 << END\n5 3\n6 4.5\nEND\nplot $DATA1 title ''", torch.Tensor { 5, 6 }, y)
  case("plot $DATA1 title 'a b' with points", "a b", x, y, "+")
  case("plot $DATA1 title 'it''s' with dots", "it's", y, ".")
  case("plot $DATA1 title 'a' , $DATA2 title 'b' with boxes", { "a", x, y }, { "b", x, y, "|" })
  case("plot $DATA1 title 'a' with linespoints, $DATA2 title '' smooth csplines",
    { { "a", y, "+-" }, { x, y, "~" } })
  case("$DATA1 << END\n1 3\n2 4\nEND", torch.Tensor { { 1, 3 }, { 2, 4 } })
  case("$DATA1 << END\n1 3 5\n2 4 6\nEND", torch.Tensor { { 1, 3, 5 }, { 2, 4, 6 } })
  case("$DATA1 << END\n1 2 3 4\nEND\nplot $DATA1 title '' with vectors", torch.Tensor { { 1, 2, 3, 4 } }, "v")
  case("$DATA1 << END\n1 2 3 4\nEND\nplot $DATA1 title '' with vectors", torch.Tensor { { 1, 3 } },
    torch.Tensor { { 2, 4 } }, "V")
  case("1 3 0.5\n2 4.5 0.5\nEND\nplot $DATA1 title '' smooth acsplines", x, y, "~0.5")
  case("title '' with lines dashtype 2 lc 3", y, "with lines dashtype 2 lc 3")
  case("$DATA1 << END\n1 3\n2 4\nEND", { 3, 4 })
  case("$DATA1 << END\n1 3\n2 NaN\nEND", torch.Tensor { 3, 0 / 0 })
  case("$DATA1 << END\n1 3\n2 4\nEND", torch.FloatTensor { 3, 4 }:requireGrad())
  case("$DATA1 << END\n1 3\n2 1\nEND\nplot $DATA1 title '' with boxes", torch.LongTensor { 3, 1 }, "boxes")
  for _, bad in ipairs { {}, { "a" }, { print }, { x, y, x }, { x, "-", y }, { x, { 1, "a" } } } do
    fails("expecting", gnuplot.plot, table.unpack(bad))
  end
  fails("x is 2, y 3", gnuplot.plot, x, torch.ones(3))
end

function tests.other_plots()
  local log = drawn(gnuplot.splot, torch.Tensor { { 5, 6 }, { 7, 8 } })
  contains(log, "$DATA1 << END\n1 1 5\n1 2 6\n\n2 1 7\n2 2 8\nEND\nsplot $DATA1 title '' with lines")
  contains(log, "set hidden3d")
  local m = torch.ones(1, 2)
  contains(drawn(gnuplot.splot, { "a", m, m, m }, { m }),
    "splot $DATA1 title 'a' with lines, $DATA2 title '' with lines")
  local v = torch.Tensor { 1, 2 }
  contains(drawn(gnuplot.scatter3, { "a", v, v, v }, { v, v, v }),
    "splot $DATA1 title 'a' with points, $DATA2 title '' with points")
  log = drawn(gnuplot.imagesc, torch.Tensor { { 1, 2, 3 }, { 4, 5, 6 } }, "color")
  contains(log, "$DATA1 << END\n1 2 3\n4 5 6\nEND\n")
  contains(log, "set palette color\n"
    .. "set xrange [-0.5:2.5]\nset yrange [1.5:-0.5]\nplot $DATA1 matrix with image ")
  contains(drawn(gnuplot.imagesc, torch.ones(2, 2)), "set palette gray")
  contains(drawn(gnuplot.bar, v), "1 1\n2 2\nEND\nplot $DATA1 title '' with boxes")
  contains(drawn(gnuplot.bar, torch.Tensor { 5, 6 }, v), "5 1\n6 2\nEND")
  contains(drawn(gnuplot.hist, torch.Tensor { 1, 1, 2, 4 }, 3),
    "1.5 2\n2.5 1\n3.5 1\nEND\nplot $DATA1 title '' with boxes")
  fails("expected to be matrices, got 2", gnuplot.splot, v)
  fails("different sizes", gnuplot.splot, m, m, torch.ones(3, 3))
  fails("expecting", gnuplot.splot, m, m)
  fails("vectors of one size", gnuplot.scatter3, v, v, torch.ones(3))
  fails("expecting", gnuplot.scatter3, v, v)
  fails("expected to be a matrix", gnuplot.imagesc, v)
  fails("expecting matrix", gnuplot.imagesc, m, 5)
  fails("no inputs", gnuplot.splot)
  fails("no inputs", gnuplot.scatter3)
  fails("usage", gnuplot.hist)
end

function tests.histograms()
  local h = gnuplot.histc(torch.Tensor { 1, 1, 2, 4 }, 3)
  tester:eq({ h.max, h.min, h.bins, h.binwidth, h[1].nb, h[1].val }, { 1, 2, 3, 1, 2, 1.5 })
  tester:eq(h.raw, torch.DoubleTensor { 2, 1, 1 })
  tester:eq(gnuplot.histc(torch.Tensor { 1, 9 }, 2, 0, 4, true), torch.DoubleTensor { 1, 0 })
  contains(tostring(h), "2 |█")
  tester:eq(#gnuplot.histc(torch.randn(100)), 72)
  contains(plot.hist(torch.Tensor { 1, 1, 2 }, 2), "█")
  fails("elements expected", plot.hist, torch.Tensor())
end

function tests.what_stands_around()
  local log = told(function(folder)
    gnuplot.pngfigure(folder .. "/it's.png")
    gnuplot.title("before")
    gnuplot.plot(torch.ones(2))
    gnuplot.title('say "hi" `rm`\nx')
    gnuplot.xlabel("x") gnuplot.ylabel("y") gnuplot.zlabel(5)
    gnuplot.grid(true) gnuplot.grid(false) gnuplot.logscale("on") gnuplot.logscale(false)
    gnuplot.movelegend("left", "bottom")
    gnuplot.axis("auto") gnuplot.axis("image") gnuplot.axis("fill") gnuplot.axis { 0, 1.5, "", 3 }
    gnuplot.raw("set xtics 5")
    gnuplot.plotflush()
    tester:eq(gnuplot.figprint(folder .. "/b.eps"), nil)
    fails("only eps, png, pdf and svg", gnuplot.figprint, folder .. "/b.doc")
    fails("movelegend", gnuplot.movelegend, "top", "left")
    fails("gnuplot.axis", gnuplot.axis, "round")
    fails("limits are numbers", gnuplot.axis, { 1, 2, 3, {} })
    fails("wanted a string", gnuplot.title, {})
  end)
  contains(log, "set term pngcairo\n")
  contains(log, "set title \"before\"\nset output")
  contains(log, "it''s.png'\n$DATA1 << END\n1 1\n2 1\nEND\nplot $DATA1 title '' \nunset output")
  contains(log, 'set title "say \\"hi\\" \\`rm\\`\\nx"\nset output')
  contains(log, 'set xlabel "x"')
  contains(log, 'set zlabel "5"')
  contains(log, "set logscale y")
  contains(log, "set key left bottom")
  contains(log, "set size ratio -1")
  contains(log, "set xrange [0:1.5]\nset yrange [:3]")
  contains(log, "set xtics 5\nset output")
  contains(log, "set term postscript eps enhanced color\nset output")
  tester:eq(select(2, log:gsub("\nreplot\n", "")), 16)
  tester:assert(log:find("quit\n$") ~= nil)
end

function tests.figures_have_numbers()
  told(function(folder)
    gnuplot.setterm("dumb")
    tester:eq(gnuplot.figure(), 1)
    tester:eq(gnuplot.figure(), 2)
    tester:eq(gnuplot.figure(7), 7)
    tester:eq(gnuplot.svgfigure(folder .. "/a.svg"), 3)
    tester:eq(gnuplot.pngfigure(folder .. "/a.png", 2), 2)
    gnuplot.close(1)
    gnuplot.close(1)
    gnuplot.close()
    gnuplot.close(99)
    fails("the number of a figure", gnuplot.figure, "a")
    fails("directory does not exist", gnuplot.pngfigure, folder .. "/none/a.png")
    fails("a file name expected", gnuplot.pngfigure)
    fails("without PDF", gnuplot.pdffigure, folder .. "/a.pdf")
    fails("does not seem to have the terminal 'x12'", gnuplot.setterm, "x12")
    fails("does not exist", gnuplot.setgnuplotexe, folder .. "/none")
  end)
end

function tests.a_program_that_ends_early_does_no_harm()
  told(function(folder)
    gnuplot.svgfigure(folder .. "/a.svg")
    for _ = 1, 20 do gnuplot.plot(torch.ones(10000)) end
    gnuplot.close()
    tester:eq(paths.filep(folder .. "/a.svg"), false)
  end, "exit 1\n")
end

-- What a script prints that runs by itself, without a window.
local function run(folder, environment, text)
  local script = folder .. "/a.lua"
  local file = assert(io.open(script, "w"))
  file:write("require 'gnuplot' local folder = arg[1]\n", text, "\nprint 'end'\n")
  file:close()
  local command = ("env -u DISPLAY -u WAYLAND_DISPLAY %s %s %s %s 2>&1"):format(environment,
    paths.concat(paths.execdir(), "cresset"), script, folder)
  local pipe = assert(io.popen(command))
  local out = pipe:read("a")
  tester:assert(pipe:close(), out)
  tester:assert(out:find("end\n$") ~= nil, out)
  return out
end

function tests.without_the_program()
  in_folder(function(folder)
    local out = run(folder, "PATH=/none", [[
      gnuplot.pngfigure(folder .. "/a.png")
      gnuplot.plot({ "a", torch.ones(3) }, { "b", torch.Tensor { { 1, 2, 3 }, { 2, 3, 4 } } })
      gnuplot.title("hello")
      gnuplot.imagesc(torch.eye(3))
      gnuplot.raw("set grid")
      gnuplot.figprint(folder .. "/c.png")
      gnuplot.close()
      gnuplot.pdffigure(folder .. "/b.pdf")
      gnuplot.splot(torch.eye(3))
      gnuplot.setterm("x11")
      gnuplot.figure()
      gnuplot.plot(torch.eye(3))]])
    contains(read_all(folder .. "/a.svg"), "hello")
    contains(out, "a.svg takes the place of")
    contains(out, "b.pdf is not written")
  end)
end

-- A script without a terminal and a display goes on, with a word on stderr.
function tests.without_a_window()
  in_folder(function(folder)
    local out = run(folder, "A=b", [[
      gnuplot.figure(1)
      gnuplot.plot(torch.ones(3))
      gnuplot.title('x')
      gnuplot.plotflush()
      gnuplot.setterm('dumb')
      gnuplot.plot('curve', torch.Tensor { 1, 0 / 0, 3 })
      gnuplot.ylabel('y')
      gnuplot.imagesc(torch.eye(2))
      gnuplot.hist(torch.ones(4))
      gnuplot.plot(torch.Tensor(3):fill(1 / 0))
      gnuplot.plot(torch.Tensor { 0 / 0, 1 }, torch.Tensor { 1, 2 })]])
    contains(out, "no window can be opened")
    contains(out, "* curve")
    contains(out, "▀▄")
    tester:eq(select(2, out:gsub("no window", "")), 1)
  end)
end

function tests.with_the_program()
  if not real then return end
  in_folder(function(folder)
    for kind, mark in pairs { png = "^\x89PNG", svg = "<svg", eps = "^%%!PS", pdf = "^%%PDF" } do
      if kind ~= "pdf" or program.firstTerminal("pdfcairo", "pdf") then
        local path = folder .. "/a b." .. kind
        gnuplot[kind .. "figure"](path)
        gnuplot.plot({ "it's", torch.randn(9) }, { torch.randn(9, 3), "with filledcurves" })
        gnuplot.title("`touch " .. folder .. "/run`")
        gnuplot.close()
        tester:assert(read_all(path):find(mark) ~= nil, kind)
      end
    end
    local calls = {
      function() gnuplot.splot(torch.randn(4, 5)) end, function() gnuplot.imagesc(torch.randn(4, 5)) end,
      function() gnuplot.scatter3(torch.randn(4), torch.randn(4), torch.randn(4)) end,
      function() gnuplot.hist(torch.randn(99)) end, function() gnuplot.plot(torch.randn(9, 4), "v") end,
      function() gnuplot.plot(torch.randn(9), "~0.1") end,
      function() gnuplot.raw("plot sin(x)") gnuplot.grid(true) end,
    }
    for i, call in ipairs(calls) do
      local path = ("%s/%d.svg"):format(folder, i)
      gnuplot.svgfigure(path)
      call()
      gnuplot.close()
      tester:assert(read_all(path):find("</svg>%s*$") ~= nil, "call " .. i)
      tester:assert(#read_all(path) > 5000, "call " .. i)
    end
    gnuplot.figure()
    gnuplot.plot(torch.ones(3))
    gnuplot.figprint(folder .. "/p.png")
    gnuplot.closeall()
    tester:assert(paths.size(folder .. "/p.png") > 500)
    tester:eq(paths.filep(folder .. "/run"), false)
  end)
end

tester:add(tests):run()
