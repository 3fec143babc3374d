# Elixir runs a Python worker of the kit as a port, without slackwater between them.
#
#   elixir workers/erlang/parent.exs workers/python/words.py words '"to be or not to be"'

next = fn port ->
  receive do
    {^port, {:data, frame}} -> IO.puts(frame)
    {^port, {:exit_status, status}} -> IO.puts("it ended with #{status}")
  after
    10_000 -> raise "nothing within 10 s"
  end
end

case System.argv() do
  [worker, operation, args] ->
    python = System.find_executable("python3")
    port = Port.open({:spawn_executable, python}, [:binary, :exit_status, packet: 4, args: [worker]])
    next.(port)
    Port.command(port, ~s({"id":1,"epoch":0,"op":"#{operation}","args":#{args}}))
    next.(port)
    Port.command(port, ~s({"stop":true}))
    next.(port)

  _ ->
    IO.puts("usage: parent.exs WORKER.py OPERATION JSON")
    System.halt(2)
end
