"""Reading back from InfluxDB (InfluxQL on /query, which 1.x, 2.x and 3.x answer) and VictoriaMetrics (raw export)."""

from dataclasses import dataclass
from typing import Final

import httpx
import msgspec
import numpy as np
from numpy.typing import NDArray

from contract.quality import BAD
from hub.historians.base import Buckets, HistorianDown, QueryRefused
from hub.historians.influx_http import Http, meaning
from hub.historians.line_protocol import READING

_EMPTY: Final = (float("nan"),) * 4


@dataclass(frozen=True, slots=True)
class Question:
    """One point's readings of [from_ms, to_ms) in so many buckets."""

    device: str
    point: str
    from_ms: int
    to_ms: int
    buckets: int

    @property
    def width_ms(self) -> int:
        return max(1, -(-(self.to_ms - self.from_ms) // self.buckets))


class _Series(msgspec.Struct):
    values: list[list[float | None]] = []


class _Result(msgspec.Struct):
    series: list[_Series] = []
    error: str = ""


class _Answer(msgspec.Struct):
    results: list[_Result] = []
    error: str = ""


class _Exported(msgspec.Struct):
    values: list[float | None]
    timestamps: list[int]


def influxql(question: Question) -> str:
    """Two statements: the four summaries of what is not bad, and the count of what is."""
    where = (f"FROM {READING} WHERE device = '{_quoted(question.device)}' AND point = '{_quoted(question.point)}' "
             f"AND time >= {question.from_ms}ms AND time < {question.to_ms}ms")
    group = f"GROUP BY time({question.width_ms}ms, {question.from_ms % question.width_ms}ms) fill(none)"
    return (f"SELECT min(value), max(value), mean(value), last(value) {where} {group}; "
            f"SELECT count(q) {where} AND q >= {BAD} {group}")


def ask_influxql(http: Http, question: Question) -> Buckets:
    """Ask an InfluxDB; raise `HistorianDown` or `QueryRefused`."""
    params = {"db": http.settings.database, "epoch": "ms"}
    answer = http.request("POST", "/query", params=params, form={"q": influxql(question)})
    content = _answer(http, answer)
    rows = [[row for series in result.series for row in series.values] for result in content.results]
    summaries = {int(row[0] or 0): tuple(row[1:]) for row in rows[0]}
    bad = {int(row[0] or 0): int(row[1] or 0) for row in rows[1]}
    times = sorted(summaries.keys() | bad.keys())
    table = np.array([summaries.get(time, _EMPTY) for time in times], np.float64).reshape(len(times), 4)
    return Buckets(np.array(times, np.int64), table[:, 0], table[:, 1], table[:, 2], table[:, 3],
                   np.array([bad.get(time, 0) for time in times], np.int64))


def ask_victoria(http: Http, question: Question) -> Buckets:
    """Fetch the raw readings of a VictoriaMetrics and summarise them here: its own functions know no `last` in ms."""
    times, values = _export(http, question, "value")
    bad_times, codes = _export(http, question, "q")
    bad_times = bad_times[codes >= BAD]
    starts, first, counts = np.unique(_bucket(question, times), return_index=True, return_counts=True)
    bad_starts, bad_counts = np.unique(_bucket(question, bad_times), return_counts=True)
    every = np.union1d(starts, bad_starts)
    table = np.full((4, len(every)), np.nan)
    if len(values):
        mean = np.add.reduceat(values, first) / counts
        summaries = (np.minimum.reduceat(values, first), np.maximum.reduceat(values, first), mean,
                     values[first + counts - 1])
        table[:, np.searchsorted(every, starts)] = summaries
    bad = np.zeros(len(every), np.int64)
    bad[np.searchsorted(every, bad_starts)] = bad_counts
    return Buckets(every * question.width_ms + question.from_ms, table[0], table[1], table[2], table[3], bad)


def _export(http: Http, question: Question, name: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    device, point = (text.replace("\\", r"\\").replace('"', r"\"") for text in (question.device, question.point))
    params = {"match[]": f'{READING}_{name}{{device="{device}",point="{point}"}}',
              "start": f"{question.from_ms / 1000:.3f}", "end": f"{(question.to_ms - 1) / 1000:.3f}"}
    answer = http.request("GET", "/api/v1/export", params=params)
    if not answer.is_success:
        raise _failed(http, answer)
    series = msgspec.json.decode(b"[" + b",".join(answer.content.splitlines()) + b"]", type=list[_Exported])
    times = np.array([time for one in series for time in one.timestamps], np.int64)
    values = np.array([value for one in series for value in one.values], np.float64)
    order = np.argsort(times, kind="stable")
    return times[order], values[order]


def _bucket(question: Question, times: NDArray[np.int64]) -> NDArray[np.int64]:
    numbers: NDArray[np.int64] = (times - question.from_ms) // question.width_ms
    return numbers


def _answer(http: Http, answer: httpx.Response) -> _Answer:
    if not answer.is_success:
        raise _failed(http, answer)
    content = msgspec.json.decode(answer.content, type=_Answer)
    for error in filter(None, [content.error, *(result.error for result in content.results)]):
        raise _refused(http, error)
    return content


def _failed(http: Http, answer: httpx.Response) -> HistorianDown | QueryRefused:
    why = meaning(http.settings, answer.status_code, answer.text)
    return why if isinstance(why, HistorianDown) else _refused(http, str(why))


def _refused(http: Http, error: str) -> QueryRefused:
    return QueryRefused(f"InfluxDB at {http.settings.url} refuses the query: {error}")


def _quoted(text: str) -> str:
    return text.replace("\\", r"\\").replace("'", r"\'")
