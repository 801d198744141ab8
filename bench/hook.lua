-- Signed webhooks from a file ("signature, tab, body" a line), each once.

local threads = {}

function setup(thread)
   table.insert(threads, thread)
end

function init(args)
   local path = args[1]

   head = "POST " .. args[2] .. " HTTP/1.1\r\nHost: localhost\r\n"
      .. "Content-Type: application/json\r\nX-Hub-Signature-256: sha256="
   lines = io.lines(path)
   used_up = false

   again = function()
      used_up = true
      lines = io.lines(path)
      return lines()
   end
end

function request()
   local line = lines() or again()

   return head .. line:sub(1, 64) .. "\r\nContent-Length: " .. #line - 65
      .. "\r\n\r\n" .. line:sub(66)
end

function done()
   for _, thread in ipairs(threads) do
      if thread:get("used_up") then
         print("used up")
      end
   end
end
