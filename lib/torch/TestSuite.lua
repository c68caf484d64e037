-- TestSuite: a table that takes test functions, each name once, and keeps their order.

return function(torch)
  local methods = {}

  function methods.__newindex(suite, name, test)
    if suite.__tests[name] ~= nil then
      error(("Test %s is already defined."):format(tostring(name)), 2)
    end
    if type(test) == "table" then error("Nested tables of tests are not supported", 2) end
    if type(test) ~= "function" then
      error(("Only functions can be in a TestSuite; %s is a %s"):format(tostring(name), type(test)), 2)
    end
    suite.__tests[name] = test
    local order = suite.__order
    order[#order + 1] = name
  end

  function methods.__index(suite, name)
    return suite.__tests[name]
  end

  --- A table that takes test functions, each name once, and keeps their order: `function suite.addition()
  -- .. end` adds one.
  --
  -- Returns: an empty suite
  -- Errors: a name comes twice, or is given something else than a function
  -- From: Torch7
  -- Example:
  --   suite = torch.TestSuite()
  --   function suite.addition() end
  --   pcall(function() suite.addition = print end) == false --> true
  function torch.TestSuite()
    return setmetatable({ __tests = {}, __order = {}, __isTestSuite = true }, methods)
  end
end
