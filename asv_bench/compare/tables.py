# SPDX-License-Identifier: BSD-3-Clause

"""Tables of means over seeds, as lists of lists, Markdown or reStructuredText."""

from statistics import fmean, stdev

# figure -> heading, where they differ
HEADINGS = {
    "svm": "linear SVM",
    "svm_train": "linear SVM, fitted",
    "kmeans": "k-means",
    "nmi": "NMI",
    "knn": "10-NN",
    "knn_train": "10-NN, fitted",
    "spearman": "Spearman",
    "page_share": "page share",
    "import_s": "import s",
    "wall_s": "seconds",
    "cpu_s": "CPU s",
    "compile_s": "compilation s",
    "peak_mib": "MiB",
    "n_rows": "samples",
    "rows": "samples",
    "rows/s": "samples/s",
    "one row, ms": "one sample, ms",
    "network of a row, ms": "network, one sample, ms",
    "network of a block, ms": "network, one block, ms",
    "way back, CPU ms for 1,000": "decode, CPU ms per 1,000",
    "new points' error": "error on new points",
}


def values_of(rows, name):
    """Return the values of one figure; those of a job precede those of its process."""
    values = [row["found"].get(name, row.get(name)) for row in rows]
    return [value for value in values if value is not None]


def cell(values, decimals, deviation=True):
    """Return ``mean ± standard deviation``, or the mean alone, or a dash."""
    if not values:
        return "-"
    text = f"{fmean(values):.{decimals}f}"
    if deviation and len(values) > 1:
        text += f" ± {stdev(values):.{decimals}f}"
    return text


def grouped(rows, keys, default="-"):
    """Return rows by the entries of their jobs that ``keys`` names."""
    groups = {}
    for row in rows:
        entries = (row["job"].get(name) for name in keys)
        key = tuple(default if entry is None else str(entry) for entry in entries)
        groups.setdefault(key, []).append(row)
    return groups


def mean_table(rows, keys, columns, *, default="-"):
    """Return the head and the lines of a table of means.

    Parameters
    ----------
    rows : list of dict
        Rows of :mod:`asv_bench.compare.runner`.
    keys : sequence of str
        Entries of the jobs that identify the lines.
    columns : dict of str to int
        Names of figures and their decimals. Figures without values are omitted.
    default : str
        Text for a missing key.

    Returns
    -------
    list of list of str
    """
    columns = {name: n for name, n in columns.items() if values_of(rows, name)}
    names = (*keys, "seeds", *columns)
    table = [[HEADINGS.get(name, name) for name in names]]
    for key, group in grouped(rows, keys, default).items():
        cells = (cell(values_of(group, x), n) for x, n in columns.items())
        table.append([*key, str(len(group)), *cells])
    return table


def markdown(table):
    """Return a Markdown table."""
    head, *lines = table
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *lines))


def csv_table(table, title=""):
    """Return a reStructuredText table, one line of text per row."""
    quoted = (
        ", ".join('"' + entry.replace('"', '""') + '"' for entry in line)
        for line in table
    )
    head = [f".. csv-table:: {title}".rstrip(), "   :header-rows: 1", ""]
    return "\n".join([*head, *(f"   {line}" for line in quoted)])
