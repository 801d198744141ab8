-- One contact ("one") or a page of 50 from a random place ("page"), of a
-- random organisation with its own key.  Requests are put together by hand:
-- wrk.format would cost more than the answer.

local contacts, page
local keys, digits = {}, {}
local letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

local function base64(s)
   local a, b, c = s:byte(1, 3)
   local n = a * 65536 + b * 256 + c
   local out = {}

   for i = 4, 1, -1 do
      local k = n % 64
      out[i] = letters:sub(k + 1, k + 1)
      n = (n - k) / 64
   end

   return table.concat(out)
end

function init(args)
   page = args[1] == "page"
   contacts = tonumber(args[2])
   math.randomseed(os.time())

   for i = 0, 49 do
      keys[i] = string.format(" HTTP/1.1\r\nHost: localhost\r\n"
         .. "Authorization: Bearer hk_bench%038d\r\n\r\n", i + 1)
   end

   -- a cursor is the id in base64url, three characters in four
   for i = 0, 999 do
      digits[i] = base64(string.format("%03d", i))
   end

   prefix = ""

   for three in ("01900000-0000-7000-8000-"):gmatch("...") do
      prefix = prefix .. base64(three)
   end
end

function request()
   local n = math.random(contacts)
   local key = keys[math.floor((n - 1) / 500) % 50]

   if page then
      local thousands = math.floor(n / 1000)

      return "GET /api/v1/contacts?limit=50&cursor=" .. prefix .. digits[0]
         .. digits[math.floor(thousands / 1000)] .. digits[thousands % 1000]
         .. digits[n % 1000] .. key
   end

   return string.format("GET /api/v1/contacts/01900000-0000-7000-8000-%012d",
                        n) .. key
end
