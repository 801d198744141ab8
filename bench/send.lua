-- Template messages straight to the provider, as Herald sends them.

function init(args)
   local body = '{"messaging_product":"whatsapp","recipient_type":"individual",'
      .. '"to":"254100000001","type":"template","template":{"name":"bench",'
      .. '"language":{"code":"en"},"components":[{"type":"body","parameters":'
      .. '[{"type":"text","text":"Amina"}]}]},"biz_opaque_callback_data":'
      .. '"h1.AZAAAAAAcACgAAAAAAAAAQAAAAE"}'

   message = "POST /sandbox/v23.0/" .. args[1] .. "/messages HTTP/1.1\r\n"
      .. "Host: localhost\r\nAuthorization: Bearer " .. args[2] .. "\r\n"
      .. "Content-Type: application/json\r\nContent-Length: " .. #body
      .. "\r\n\r\n" .. body
end

function request()
   return message
end
