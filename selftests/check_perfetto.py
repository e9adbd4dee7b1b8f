#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Judges a file of mkinspect export --perfetto as strictly as a parser could.

What it demands beyond the format is what the readers were seen to need: Catapult
(chrome://tracing) and Perfetto's trace processor (ui.perfetto.dev).

    check_perfetto.py FILE [NAME=COUNT]...

Each NAME=COUNT demands that many events of a name; NAME=+ at least one.
"""
import json
import re
import sys

NAMES = {"process_name", "thread_name"}
PLACES = {"process_sort_index", "thread_sort_index"}
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


def nanoseconds(us):
    return round(us * 1000)


def perfetto_nanoseconds(us):
    """What the trace processor makes of a time: it cuts off."""
    return int(us * 1000.0)


def is_time(value):
    return (is_number(value) and value >= 0 and
            perfetto_nanoseconds(value) == nanoseconds(value))


def demand(condition, event, what):
    if not condition:
        raise ValueError(f"{what}: {json.dumps(event)[:400]}")


def check_event(event):
    demand(isinstance(event, dict), event, "an event is no object")
    for key, kind in (("ph", str), ("name", str), ("pid", int), ("tid", int), ("args", dict)):
        demand(isinstance(event.get(key), kind), event, f"{key} is missing or no {kind.__name__}")
    demand(is_time(event.get("ts")), event, "ts is no time, or Perfetto loses a nanosecond")
    demand(event["ph"] in ("X", "M", "i"), event, "a phase that is not used here")
    demand(event["name"], event, "no name")
    allowed = {"ph", "name", "ts", "pid", "tid", "args"}
    if event["ph"] == "X":
        demand(is_time(event.get("dur")), event,
               "dur is no time, or Perfetto loses a nanosecond")
        demand(event["args"].get("end") in ENDS, event, "no word about its end")
        allowed |= {"dur"}
    if event["ph"] == "i":
        # Catapult shows that of a process as a line that no row names.
        demand(event.get("s") == "t", event, "a moment that is on no track")
        allowed |= {"s"}
    if event["ph"] == "M":
        demand(event["name"] in NAMES | PLACES, event, "metadata of an unknown name")
        key, kind = ("name", str) if event["name"] in NAMES else ("sort_index", int)
        demand(set(event["args"]) == {key}, event, f"arguments that are not {key}")
        demand(isinstance(event["args"][key], kind), event, f"{key} is no {kind.__name__}")
        demand(event["args"][key] != "", event, "a name that is empty")
    else:
        demand(event.get("cname", "terrible") == "terrible", event,
               "a colour that Catapult was not seen to know")
        allowed |= {"cname"}
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


def collect(events, name, key):
    found = {}
    for event in events:
        if event["name"] != name or event["ph"] != "M":
            continue
        # Two parts of one process name it both.
        value = event["args"]["sort_index" if name in PLACES else "name"]
        demand(found.setdefault(key(event), value) == value, event, f"another {name}")
    return found


def process_of(event):
    return event["pid"]


def track_of(event):
    return event["pid"], event["tid"]


def check_tracks(events):
    """Each is named, has a place, and stands where its number says."""
    names = [collect(events, "process_name", process_of),
             collect(events, "thread_name", track_of)]
    places = [collect(events, "process_sort_index", process_of),
              collect(events, "thread_sort_index", track_of)]
    demand(names[0].keys() == places[0].keys(), None, "a process without a place")
    demand(names[1].keys() == places[1].keys(), None, "a track without a place")
    for event in events:
        if event["ph"] != "M":
            demand(process_of(event) in names[0], event, "a process without a name")
            demand(track_of(event) in names[1], event, "a track without a name")
    demand(len({thread for _, thread in names[1]}) == len(names[1]), None,
           "a thread's number in two processes")
    last = []
    for place, name in sorted((places[1][track], names[1][track]) for track in names[1]):
        numbers = [int(number) for number in re.findall("[0-9]+", name)]
        kind = name.split()[0]
        demand(last[:1] != [kind] or last[1] <= numbers, name, "not in the order of numbers")
        last = [kind, numbers]


def check_overlap(events):
    """Perfetto drops a span that begins before another of its track has ended."""
    ends = {}
    for event in events:
        if event["ph"] != "X":
            continue
        begin = perfetto_nanoseconds(event["ts"])
        demand(begin >= ends.get(track_of(event), 0), event, "spans overlap")
        ends[track_of(event)] = begin + perfetto_nanoseconds(event["dur"])


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
    check_tracks(events)
    check_overlap(events)
    check_wanted(events, sys.argv[2:])
    print(f"{len(events)} events")


try:
    main()
except (ValueError, KeyError, OSError) as error:
    sys.exit(f"{sys.argv[1]}: {error}")
