-- test_tokenizers: texts as numbers: characters, words, byte pairs, vocabularies.
local torch = require "torch"
local data = require "data"
local text = require "data._text"
local bpe = require "data._bpe"

local tester = torch.Tester()
local tests = torch.TestSuite()

local golden = debug.getinfo(1, "S").source:match("^@(.*)test_tokenizers%.lua$") .. "golden/"

local function read_all(path)
  local file = assert(io.open(path, "rb"))
  local s = file:read("a")
  file:close()
  return s
end

local function with_file(contents, f)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(contents)
  file:close()
  local ok, err = pcall(f, path)
  os.remove(path)
  if not ok then error(err, 0) end
end

local function fails(pattern, f, ...)
  local ok, message = pcall(f, ...)
  tester:assert(not ok, "should fail: " .. pattern)
  tester:assert(tostring(message):find(pattern) ~= nil, pattern .. " / " .. tostring(message))
end

local function ids(t)
  return table.concat(torch.isTensor(t) and t:totable() or t, " ")
end

-- Strings of all sorts, valid UTF-8 or not.
local function random_text(n)
  local parts = { "a", "b", " ", "  ", "\n", "'s", "é", "\xff", "\xc3", "日", "7", "!", "\0", "\xe2\x80\x83",
    "😀", "the" }
  local out = {}
  for i = 1, n do out[i] = parts[torch.random(#parts)] end
  return table.concat(out)
end

function tests.characters()
  local t = data.CharTokenizer({ special = { "<eos>" }, unknown = "<unk>", padding = "<pad>" })
  t:train("banana")
  tester:eq(t.vocabulary.tokens, { "<pad>", "<unk>", "<eos>", "a", "b", "n" })
  tester:eq(ids(t:encode("nab<eos>x")), "6 4 5 3 2")
  tester:eq(torch.type(t:encode("")), "torch.LongTensor")
  tester:eq(t:encode(""):nElement(), 0)
  tester:eq(t:decode(t:encode("nab<eos>x")), "nab<eos><unk>")
  tester:eq(t:decode(t:encode("nab<eos>x"), { special = false }), "nab")
  tester:eq(t:decode(5), "b")
  tester:eq(t:decode(torch.IntTensor { 5, 4 }), "ba")
  local small = data.CharTokenizer({ unknown = "?" }):train("aaabbc", { vocabSize = 3 })
  tester:eq(small.vocabulary.tokens, { "?", "a", "b" })
  local rare = data.CharTokenizer():train("aaabbc", { minFrequency = 2 })
  tester:eq(rare.vocabulary.tokens, { "a", "b" })
  fails("the character 'c' is not in the vocabulary", rare.encode, rare, "c")
  fails("token 3 of a vocabulary of 2", rare.decode, rare, { 3 })
  fails("token 0 of", rare.decode, rare, { 0 })
  for _ = 1, 20 do
    local s = random_text(30)
    local whole = data.CharTokenizer():train(s)
    tester:eq(whole:decode(whole:encode(s)), s)
  end
end

function tests.special_tokens_are_kept_whole()
  local t = data.CharTokenizer({ special = { "<a>", "<a>b", "b" } }):train("<a>xb<a>b")
  tester:eq(t.vocabulary.tokens, { "<a>", "<a>b", "b", "x" })
  tester:eq(ids(t:encode("<a>x<a>bb")), "1 4 2 3") -- the longer one of two at a place
  local b = data.BPETokenizer({ special = { "<|end|>" } }):train("x<|end|>x<|end|>", { vocabSize = 300 })
  tester:eq(#b, 257) -- nothing to merge: special tokens are no part of what is learnt
  tester:eq(ids(b:encode("<|end|>")), "1")
  tester:eq(b:decode(b:encode("a<|end|>b<|end")), "a<|end|>b<|end")
  tester:eq(b:encode("a<|end|>b<|end"):nElement(), 8)
end

function tests.words()
  local t = data.WordTokenizer({ unknown = "<unk>" }):train("The cat; the dog's don't. 3.5 x_1 'quoted'")
  tester:eq(table.concat(text.words("The dog's don't. 3.5 x_1 'a' l’eau"), "|"),
    "The|dog's|don't|.|3|.|5|x_1|'|a|'|l’eau")
  tester:eq(t:decode(t:encode("the bird .")), "the <unk> .")
  local lower = data.WordTokenizer({ lower = true, digits = true }):train("ÄPFEL äpfel ΣΊΓΜΑ Ж 1984")
  tester:eq(lower.vocabulary.tokens, { "äpfel", "0000", "σίγμα", "ж" })
  tester:eq(ids(lower:encode("Äpfel 2001")), "1 2")
  local spaces = data.WordTokenizer({ split = "spaces" }):train("a,b c\u{3000}d\n")
  tester:eq(spaces.vocabulary.tokens, { "a,b", "c", "d" })
  -- most frequent first, equally frequent ones by their bytes
  local sorted = data.WordTokenizer():train("b a c b a z", { vocabSize = 3 })
  tester:eq(sorted.vocabulary.tokens, { "a", "b", "c" })
  tester:eq(data.WordTokenizer():train("b a b", { minFrequency = 2 }).vocabulary.tokens, { "b" })
  tester:eq(text.lower("ĀİΩ\xff𐐀"), "āİω\xff𐐨")
  fails("the word 'q' is not", sorted.encode, sorted, "q")
end

-- By the definition: count all pairs anew for each merge.
local function slow_merges(s, n)
  local order, rank = {}, {}
  local function add(a, b) for byte = a, b do order[#order + 1] = byte rank[byte] = #order end end
  add(33, 126) add(161, 172) add(174, 255)
  for byte = 0, 255 do if not rank[byte] then add(byte, byte) end end
  local words, tokens, known = {}, {}, {}
  for i, byte in ipairs(order) do tokens[i], known[string.char(byte)] = string.char(byte), i end
  for i, piece in ipairs(text.pieces(s)) do
    words[i] = {}
    for k = 1, #piece do words[i][k] = rank[piece:byte(k)] end
  end
  local merges, done = {}, {}
  while #tokens < n do
    local counts, best, a, b = {}, 1, nil, nil
    for _, word in ipairs(words) do
      for k = 1, #word - 1 do
        local key = word[k] << 20 | word[k + 1]
        if not done[key] then counts[key] = (counts[key] or 0) + 1 end
      end
    end
    for key, count in pairs(counts) do
      local first, second = key >> 20, key & 0xfffff
      if count > best or count == best and a and (first < a or first == a and second < b) then
        best, a, b = count, first, second
      end
    end
    if not a then break end
    local name = tokens[a] .. tokens[b]
    if not known[name] then
      tokens[#tokens + 1] = name
      known[name] = #tokens
    end
    merges[#merges + 1] = { a, b, known[name] }
    for i, word in ipairs(words) do
      local out, k = {}, 1
      while k <= #word do
        if word[k] == a and word[k + 1] == b then
          out[#out + 1], k = known[name], k + 2
        else
          out[#out + 1], k = word[k], k + 1
        end
      end
      words[i] = out
    end
  end
  return merges
end

function tests.byte_pairs_by_the_definition()
  for seed = 1, 12 do
    torch.manualSeed(seed)
    local letters = { "a", "b", "aa", "ab", "ba", " " }
    local s = {}
    for i = 1, 300 do s[i] = letters[torch.random(#letters)] end
    s = seed % 3 == 0 and random_text(200) or table.concat(s)
    local t = data.BPETokenizer():train(s, { vocabSize = 256 + 40 })
    tester:eq(t.merges:totable(), slow_merges(s, 256 + 40), "seed " .. seed)
  end
end

local function from_hex(hex)
  return (hex:gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end))
end

function tests.byte_pairs_are_those_of_tokenizers()
  local trained = data.BPETokenizer({ special = { "<|endoftext|>" } })
    :trainFiles(golden .. "bpe.txt", { vocabSize = 400 })
  local loaded = data.BPETokenizer():loadFiles(golden .. "bpe_vocab.json", golden .. "bpe_merges.txt")
  tester:eq(trained.merges:totable(), loaded.merges:totable())
  tester:eq(trained.vocabulary.tokens, loaded.vocabulary.tokens)
  tester:eq(loaded.special, { "<|endoftext|>" })
  for hex, list in read_all(golden .. "bpe_ids.txt"):gmatch("(%x*):([^\n]*)\n") do
    local want = {}
    for id in list:gmatch("%d+") do want[#want + 1] = id + 1 end
    local s = from_hex(hex)
    tester:eq(ids(trained:encode(s)), table.concat(want, " "), s)
    tester:eq(loaded:decode(want), s)
  end
end

function tests.byte_pairs_lose_nothing()
  local t = data.BPETokenizer({ special = { "<s>" } })
  t:train(read_all(golden .. "bpe.txt"), { vocabSize = 350 })
  for _ = 1, 200 do
    local s = random_text(torch.random(40))
    tester:eq(t:decode(t:encode(s)), s)
    tester:eq(table.concat(text.pieces(s)), s)
  end
  local long = ("ab"):rep(50000)
  tester:eq(t:decode(t:encode(long)), long)
  local all = {}
  for i = 0, 255 do all[i + 1] = string.char(i) end
  all = table.concat(all)
  tester:eq(t:decode(t:encode(all)), all)
end

function tests.the_source_may_be_anything_that_gives_texts()
  local s = read_all(golden .. "bpe.txt")
  local whole = data.BPETokenizer():train(s, { vocabSize = 300 }).merges
  local lines = {}
  for line in s:gmatch("[^\n]*\n") do lines[#lines + 1] = line end
  local i = 0
  local by_function = data.BPETokenizer():train(function()
    i = i + 1
    return lines[i]
  end, { vocabSize = 300 })
  local by_list = data.BPETokenizer():train(lines, { vocabSize = 300 })
  tester:eq(by_function.merges, by_list.merges)
  -- A file is read in parts of a MiB, which must not show.
  local big = s:rep(500)
  with_file(big, function(path)
    local by_file = data.BPETokenizer():trainFiles({ path }, { vocabSize = 300 })
    tester:eq(by_file.merges, data.BPETokenizer():train(big, { vocabSize = 300 }).merges)
    local set = data.TextFile(path)
    tester:eq(data.CharTokenizer():train(set):size(), data.CharTokenizer():train(s):size() - 1)
  end)
  tester:eq(whole:size(1), 300 - 256)
  local t = data.CharTokenizer()
  fails("No such file", t.trainFiles, t, "/none/such")
  fails("names of files expected", t.trainFiles, t, 5)
  fails("a text expected, got number", t.train, t, { 5 })
  fails("a text, a list of texts or a function", t.train, t, 5)
end

function tests.batches()
  local t = data.CharTokenizer({ padding = "_" }):train("abc")
  local batch, lengths = t:encodeBatch { "abc", "", "b" }
  tester:eq(batch, torch.LongTensor { { 2, 3, 4 }, { 1, 1, 1 }, { 3, 1, 1 } })
  tester:eq(lengths, torch.LongTensor { 3, 0, 1 })
  batch, lengths = t:encodeBatch({ "abc", "b" }, { length = 2, side = "left" })
  tester:eq(batch, torch.LongTensor { { 3, 4 }, { 1, 3 } })
  tester:eq(lengths, torch.LongTensor { 2, 1 })
  tester:eq((t:encodeBatch({ "abc", "b" }, { length = 2 })), torch.LongTensor { { 2, 3 }, { 3, 1 } })
  local bare = data.CharTokenizer():train("abc")
  tester:eq((bare:encodeBatch { "ab", "ca" }), torch.LongTensor { { 1, 2 }, { 3, 1 } })
  tester:eq((bare:encodeBatch({ "ab", "c" }, { padding = 0 })), torch.LongTensor { { 1, 2 }, { 3, 0 } })
  fails("no padding token", bare.encodeBatch, bare, { "ab", "c" })
  fails("side is", t.encodeBatch, t, { "a" }, { side = "up" })
end

function tests.saving_and_loading()
  local s = read_all(golden .. "bpe.txt")
  local all = {
    data.CharTokenizer({ unknown = "?" }):train(s),
    data.WordTokenizer({ unknown = "?" }):train(s),
    data.BPETokenizer({ special = { "<é>" } }):train(s, { vocabSize = 300 }),
  }
  for _, t in ipairs(all) do
    with_file("", function(path)
      t:encode("before")
      torch.save(path, t)
      local again = torch.load(path)
      tester:eq(torch.type(again), torch.type(t))
      tester:eq(again:encode(s .. "<é>§"), t:encode(s .. "<é>§"))
    end)
  end
  local t = data.BPETokenizer({ special = { "<é>\n\"" } }):train(s, { vocabSize = 300 })
  with_file("", function(vocab)
    with_file("", function(merges)
      t:saveFiles(vocab, merges)
      local again = data.BPETokenizer():loadFiles(vocab, merges)
      tester:eq(again.vocabulary.tokens, t.vocabulary.tokens)
      tester:eq(again.merges, t.merges)
      tester:eq(again.special, t.special)
    end)
  end)
end

function tests.damaged_files_are_refused()
  local vocab, merges = read_all(golden .. "bpe_vocab.json"), read_all(golden .. "bpe_merges.txt")
  local function load(v, m)
    with_file(v, function(a)
      with_file(m, function(b) data.BPETokenizer():loadFiles(a, b) end)
    end)
  end
  load(vocab, merges)
  fails("byte 0 has no token", load, "{}", merges)
  for n = 0, #vocab - 1, 97 do fails("damaged near byte", load, vocab:sub(1, n), merges) end
  fails("damaged", load, vocab .. "x", merges)
  fails("damaged", load, (vocab:gsub('"a"', '"\\x"')), merges)
  fails("damaged", load, (vocab:gsub('"a"', '"\\ud800"')), merges)
  fails("there twice", load, (vocab:gsub("}$", ', "a": 999}')), merges)
  fails("have a gap", load, (vocab:gsub("}$", ', "zzz": 999}')), merges)
  fails("damaged", load, (vocab:gsub("}$", ', "zzz": 99999999999999999999}')), merges)
  fails("an empty token", load, (vocab:gsub("}$", ', "": 400}')), merges)
  fails(":%d+: 'q q' is or makes a token without a number", function()
    with_file(merges .. "q q\n", function(b)
      data.BPETokenizer():loadFiles(golden .. "bpe_vocab.json", b)
    end)
  end)
  fails(":2: no pair of tokens", load, vocab, "#version\nlonely\n")
  fails(":1: no pair of tokens", load, vocab, "a b c\n")
  fails("No such file", function() data.BPETokenizer():loadFiles("/none", "/none") end)
  -- What C gets is checked there too.
  local base = {}
  for i = 1, 256 do base[i] = i end
  fails("tokens of all single bytes", bpe.engine, {}, torch.LongTensor(0, 3), 256)
  fails("tokens that do not exist", bpe.engine, base, torch.LongTensor { { 1, 2, 257 } }, 256)
  fails("three columns", bpe.engine, base, torch.LongTensor { { 1, 2 } }, 256)
  fails("three columns", bpe.engine, base, torch.ones(1, 3), 256)
end

function tests.wrong_arguments()
  fails("there is no option 'size'; there are padding, special, unknown", data.CharTokenizer, { size = 3 })
  local c, b = data.CharTokenizer(), data.BPETokenizer()
  fails("no option 'limit'", c.train, c, "a", { limit = 1 })
  fails("vocabSize is 0, wanted a whole number", c.train, c, "a", { vocabSize = 0 })
  fails("vocabSize is at least 256", b.train, b, "a", { vocabSize = 100 })
  fails("vocabSize is at least 256", b.train, b, "a")
  fails("needs no unknown token", data.BPETokenizer, { unknown = "x" })
  fails("it has no vocabulary yet", c.encode, c, "a")
  local t = data.CharTokenizer():train("a")
  fails("a text expected, got number", t.encode, t, 5)
  fails("numbers expected, got string", t.decode, t, "a")
  fails("the token 'a' is there twice", data.Vocabulary, { "a", "a" })
  fails("token 1 is a number", data.Vocabulary, { 5 })
  fails("'x' is not in the list", data.Vocabulary, { "a" }, "x")
  fails("'b' is not in the vocabulary", function() data.Vocabulary({ "a" }):encode { "b" } end)
end

function tests.training_again_begins_anew()
  local t = data.BPETokenizer():train(("abc "):rep(9), { vocabSize = 259 })
  t:encode("abc")
  t:train(("xyz "):rep(9), { vocabSize = 259 })
  tester:eq(t:encode("xyz"):nElement(), 1)
  tester:eq(t:encode("abc"):nElement(), 3)
end

tester:add(tests):run()
