%% actors.erl — the in-process rows of our benchmark on Erlang/OTP, one scheduler, as the peer beside
%% them. Prints the messages (or operations) per second of CPU of one row, median of five rounds; or
%% bytes.
%%
%%   erlc actors.erl && erl -noshell +S 1:1 -run actors main ping-pong -s init stop
-module(actors).
-export([main/1, idle/0, supervised/0, init/1]).
-behaviour(supervisor).

main([Name]) -> io:format("~.1f~n", [row(Name)]).

row("ping-pong") -> rate(2000000, fun ping_pong/1);
row("ring-100") -> rate(2000000, fun(N) -> ring(100, N) end);
row("ring-10000") -> rate(2000000, fun(N) -> ring(10000, N) end);
row("fan-in") -> rate(2000000, fun fan_in/1);
row("big") -> rate(120 * 119 * 100, fun(_) -> big(120, 100) end);
row("spawn") -> rate(500000, fun spawn_stop/1);
row("supervised") -> rate(100000, fun supervised_stop/1);
row("bytes") -> bytes_per_idle(200000).

%% Median of five rounds; by CPU time, as ours: what else the machine does does not count.
rate(N, F) ->
    Rates = lists:sort([one(N, F) || _ <- lists:seq(1, 5)]),
    lists:nth(3, Rates).
one(N, F) ->
    {From, _} = statistics(runtime),
    F(N),
    {To, _} = statistics(runtime),
    N * 1.0e3 / max(1, To - From).

%% Two that answer each other; N messages in all.
ping_pong(N) ->
    Me = self(),
    Pong = spawn_link(fun() -> pong() end),
    spawn_link(fun() -> ping(Pong, N div 2), Me ! done end),
    receive done -> unlink(Pong), exit(Pong, kill) end.
ping(_, 0) -> ok;
ping(Pong, N) -> Pong ! {ping, self(), N}, receive {pong, N} -> ping(Pong, N - 1) end.
pong() -> receive {ping, From, N} -> From ! {pong, N}, pong() end.

%% One token around Size processes.
ring(Size, N) ->
    Me = self(),
    First = spawn_link(fun() -> receive {next, Next} -> ring_loop(Next, Me) end end),
    Last = lists:foldl(fun(_, Next) -> spawn_link(fun() -> ring_loop(Next, Me) end) end, First,
                       lists:seq(2, Size)),
    First ! {next, Last},
    Last ! {token, N},
    receive done -> ok end,
    Last ! stop,
    receive stopped -> ok end.
ring_loop(Next, Me) ->
    receive
        {token, 0} -> Me ! done, ring_loop(Next, Me);
        {token, N} -> Next ! {token, N - 1}, ring_loop(Next, Me);
        stop -> Me ! stopped, catch (Next ! stop), ok
    end.

%% Eight senders, one taker, no more than 1,000 under way (credit of 125 each).
fan_in(N) ->
    Me = self(),
    Each = N div 8,
    Taker = spawn_link(fun() -> take(8 * Each), Me ! done end),
    [spawn_link(fun() -> give(Taker, Each, 125) end) || _ <- lists:seq(1, 8)],
    receive done -> ok end.
take(0) -> ok;
take(N) -> receive {value, From, _} -> From ! credit, take(N - 1) end.
give(_, 0, _) -> ok;
give(T, N, 0) -> receive credit -> give(T, N, 1) end;
give(T, N, C) ->
    T ! {value, self(), N},
    receive credit -> give(T, N - 1, C) after 0 -> give(T, N - 1, C - 1) end.

%% Everybody sends to everybody else, Rounds times.
big(Size, Rounds) ->
    Me = self(),
    All = [spawn_link(fun() -> receive {all, Ps} -> big_one(Ps, Rounds, Size, Me) end end)
           || _ <- lists:seq(1, Size)],
    [P ! {all, lists:delete(P, All)} || P <- All],
    [receive {done, P} -> ok end || P <- All].
big_one(Ps, Rounds, Size, Me) ->
    big_rounds(Ps, Rounds),
    big_take((Size - 1) * Rounds),
    Me ! {done, self()}.
big_rounds(_, 0) -> ok;
big_rounds(Ps, R) -> [P ! {value, R} || P <- Ps], big_rounds(Ps, R - 1).
big_take(0) -> ok;
big_take(N) -> receive {value, _} -> big_take(N - 1) end.

%% Born, one message, ended; the next is made when the last has gone.
spawn_stop(0) -> ok;
spawn_stop(N) ->
    {P, Ref} = spawn_monitor(fun() -> receive stop -> ok end end),
    P ! stop,
    receive {'DOWN', Ref, process, P, _} -> spawn_stop(N - 1) end.

supervised_stop(N) ->
    {ok, Sup} = supervisor:start_link(?MODULE, []),
    supervised_loop(Sup, N),
    unlink(Sup),
    exit(Sup, shutdown).
supervised_loop(_, 0) -> ok;
supervised_loop(Sup, N) ->
    {ok, P} = supervisor:start_child(Sup, []),
    ok = supervisor:terminate_child(Sup, P),
    supervised_loop(Sup, N - 1).
init([]) ->
    {ok, {#{strategy => simple_one_for_one, intensity => 10, period => 10},
          [#{id => one, start => {?MODULE, supervised, []}, restart => temporary,
             shutdown => brutal_kill}]}}.
supervised() -> {ok, spawn_link(?MODULE, idle, [])}.

idle() -> receive stop -> ok end.

bytes_per_idle(N) ->
    erlang:garbage_collect(),
    Before = erlang:memory(processes),
    Ps = [spawn(?MODULE, idle, []) || _ <- lists:seq(1, N)],
    After = erlang:memory(processes),
    [P ! stop || P <- Ps],
    (After - Before) / N.
