#!/usr/bin/env escript
%% The other way round: Erlang runs a Python worker of the kit as a port, without slackwater between them.
%%
%%   escript workers/erlang/parent.escript workers/python/words.py words '"to be or not to be"'

main([Worker, Operation, Args]) ->
    Port = open_port({spawn_executable, os:find_executable("python3")},
                     [{args, [Worker]}, {packet, 4}, binary, exit_status]),
    io:format("~ts~n", [next(Port)]),
    port_command(Port, io_lib:format("{\"id\":1,\"epoch\":0,\"op\":\"~ts\",\"args\":~ts}", [Operation, Args])),
    io:format("~ts~n", [next(Port)]),
    port_command(Port, "{\"stop\":true}"),
    receive {Port, {exit_status, Status}} -> io:format("it ended with ~b~n", [Status]) after 10000 -> halt(1) end;
main(_) ->
    io:format("usage: parent.escript WORKER.py OPERATION JSON~n"),
    halt(2).

next(Port) ->
    receive
        {Port, {data, Frame}} -> Frame;
        {Port, {exit_status, Status}} -> io:format("it ended with ~b~n", [Status]), halt(1)
    after 10000 -> io:format("no answer within 10 s~n"), halt(1)
    end.
