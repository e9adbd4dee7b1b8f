#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Judges a file of mkinspect export --perfetto as strictly as a parser could.

    check_perfetto.py FILE [NAME=COUNT]...

Each NAME=COUNT demands that many events of a name; NAME=+ at least one.
"""
import json
import sys

METADATA = {"process_name", "thread_name"}
ENDS = {"seen", "seen late", "used again", "unfinished"}


def refuse_constant(text):
    raise ValueError(f"{text} is no JSON")


def refuse_twice(pairs):
    keys = [key for key, _ in pairs]
    if len(keys) != len(set(keys)):
        raise ValueError(f"a key is there twice: {keys}")
    return dict(pairs)


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def demand(condition, event, what):
    if not condition:
        raise ValueError(f"{what}: {json.dumps(event)[:400]}")


def check_event(event):
    demand(isinstance(event, dict), event, "an event is no object")
    for key, kind in (("ph", str), ("name", str), ("pid", int), ("tid", int), ("args", dict)):
        demand(isinstance(event.get(key), kind), event, f"{key} is missing or no {kind.__name__}")
    demand(is_number(event.get("ts")) and event["ts"] >= 0, event, "ts is no time")
    demand(event["ph"] in ("X", "M", "i"), event, "a phase that is not used here")
    demand(event["name"], event, "no name")
    allowed = {"ph", "name", "ts", "pid", "tid", "args"}
    if event["ph"] == "X":
        demand(is_number(event.get("dur")) and event["dur"] >= 0, event, "dur is no time")
        demand(event["args"].get("end") in ENDS, event, "no word about its end")
        allowed |= {"dur"}
    if event["ph"] == "i":
        demand(event.get("s") in ("g", "p", "t"), event, "a moment without a scope")
        allowed |= {"s"}
    if event["ph"] == "M":
        demand(event["name"] in METADATA, event, "metadata of an unknown name")
        demand(event["args"].get("name"), event, "a name that is empty")
    demand(set(event) <= allowed, event, "keys that do not belong there")


def check_order(events):
    """Metadata first, then everything in the order of time."""
    last = 0
    seen_others = False
    for event in events:
        if event["ph"] == "M":
            demand(not seen_others, event, "metadata behind other events")
            continue
        seen_others = True
        demand(event["ts"] >= last, event, "an event that is earlier than the one before")
        last = event["ts"]


def check_names(events):
    processes, threads = {}, {}
    for event in events:
        if event["ph"] != "M":
            continue
        key = event["pid"] if event["name"] == "process_name" else (event["pid"], event["tid"])
        names = processes if event["name"] == "process_name" else threads
        demand(key not in names, event, "a track is named twice")
        names[key] = event["args"]["name"]
    for event in events:
        if event["ph"] == "M":
            continue
        demand(event["pid"] in processes, event, "a process without a name")
        demand((event["pid"], event["tid"]) in threads, event, "a track without a name")
    demand(len(set(threads.items())) == len(threads), None, "two tracks are one")


def check_nesting(events):
    """Of two spans of a track, either one is in the other or they do not meet."""
    tracks = {}
    for event in events:
        if event["ph"] == "X":
            # Whole nanoseconds, so that sums are exact.
            begin = round(event["ts"] * 1000)
            end = begin + round(event["dur"] * 1000)
            tracks.setdefault((event["pid"], event["tid"]), []).append((begin, -end, event))
    for spans in tracks.values():
        spans.sort(key=lambda span: span[:2])
        open_ends = []
        for begin, minus_end, event in spans:
            while open_ends and open_ends[-1] <= begin:
                open_ends.pop()
            demand(not open_ends or -minus_end <= open_ends[-1], event, "spans overlap")
            open_ends.append(-minus_end)


def check_wanted(events, wanted):
    for text in wanted:
        name, _, count = text.rpartition("=")
        had = sum(event["name"] == name for event in events if event["ph"] != "M")
        if had == 0 if count == "+" else had != int(count):
            raise ValueError(f"had {had} events {name}, expected {count}")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        whole = json.load(file, parse_constant=refuse_constant,
                          object_pairs_hook=refuse_twice)
    demand(set(whole) == {"displayTimeUnit", "otherData", "traceEvents"}, list(whole),
           "keys of the file")
    demand(whole["displayTimeUnit"] == "ns", whole["displayTimeUnit"], "unit of times")
    demand(whole["otherData"].get("schema") == 1, whole["otherData"], "schema")
    events = whole["traceEvents"]
    for event in events:
        check_event(event)
    check_order(events)
    check_names(events)
    check_nesting(events)
    check_wanted(events, sys.argv[2:])
    print(f"{len(events)} events")


try:
    main()
except (ValueError, KeyError, OSError) as error:
    sys.exit(f"{sys.argv[1]}: {error}")
