#!/usr/bin/env escript
%%! -noinput
%% A worker in Erlang: {packet, 4} on standard input and output is all that the wire is.
%%
%%   printf '"abc"\n' | slackwater map --channel stdio --worker 'escript workers/erlang/worker.escript' --operation hash
%%
%% OTP has had a JSON module since 27. Before, as here, arguments are left as they were written, which is enough to pass them on.

main(_) ->
    Port = open_port({fd, 0, 1}, [binary, {packet, 4}, eof]),
    Pid = list_to_binary(os:getpid()),
    send(Port, [<<"{\"ready\":{\"protocol\":1,\"pid\":">>, Pid, <<",\"operations\":[\"echo\",\"hash\",\"crash\"]}}">>]),
    serve(Port).

serve(Port) ->
    receive
        {Port, {data, <<"{\"stop\"", _/binary>>}} -> halt(0);
        {Port, {data, Request}} ->
            {match, [Id, Epoch, Rest]} =
                re:run(Request, "^{\"id\":(\\d+),\"epoch\":(\\d+),(.*)}$", [{capture, all_but_first, binary}, dotall]),
            Answer =
                try answer(Rest) of
                    Json -> [<<"\"ok\":">>, Json]
                catch
                    Class:Reason:Stack ->
                        [<<"\"error\":{\"type\":\"">>, atom_to_binary(Class), <<"\",\"message\":">>, text("~tp", [Reason]),
                         <<",\"traceback\":">>, text("~tp", [Stack]), <<"}">>]
                end,
            send(Port, [<<"{\"id\":">>, Id, <<",\"epoch\":">>, Epoch, <<",">>, Answer, <<"}">>]),
            serve(Port);
        {Port, eof} -> halt(0)
    end.

answer(<<"\"ping\":", _/binary>>) -> <<"null">>;
answer(<<"\"op\":\"echo\",\"args\":", Args/binary>>) -> Args;
answer(<<"\"op\":\"hash\",\"args\":", Args/binary>>) -> integer_to_binary(erlang:phash2(Args));
answer(<<"\"op\":\"crash\",\"args\":", Args/binary>>) -> error({asked_for, Args});
answer(_) -> error("no such operation; this worker has echo, hash, crash").

send(Port, Data) -> port_command(Port, Data).

%% As a string of JSON.
text(Format, Arguments) ->
    [$", [escape(Character) || Character <- lists:flatten(io_lib:format(Format, Arguments))], $"].

escape($") -> <<"\\\"">>;
escape($\\) -> <<"\\\\">>;
escape(Character) when Character < 32 -> io_lib:format("\\u~4.16.0b", [Character]);
escape(Character) -> unicode:characters_to_binary([Character]).
