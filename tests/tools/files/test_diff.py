"""The diff that a result shows."""

from duragent.tools.files.diff import unified


def test_a_diff_counts_lines_from_where_they_are() -> None:
    before = "".join(f"{n}\n" for n in range(1, 101))
    after = before.replace("50\n", "fifty\nand\n").replace("90\n", "")

    assert unified(before, after, "a") == (
        "@@ -47,7 +47,8 @@\n 47\n 48\n 49\n-50\n+fifty\n+and\n 51\n 52\n 53\n"
        "@@ -87,7 +88,6 @@\n 87\n 88\n 89\n-90\n 91\n 92\n 93"
    )


def test_a_diff_is_bounded() -> None:
    before, after = "a\n" * 100_000, "b\n" * 90_000
    some = unified("x\n" * 1000, "y\n" * 1000, "a")

    assert unified(before, after, "a") == "@@ -1 +1 @@\n(100,000 lines of a became 90,000)"
    assert some.count("\n") == 200
    assert some.endswith("more lines of diff")
    assert len(unified("a" * 100_000, "b" * 100_000, "a")) < 1000
    assert unified("a", "a", "a") == ""
    assert unified("a\n", "a", "a") == "@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file"
    assert unified("", "a\n", "a") == "@@ -0,0 +1 @@\n+a"


def test_a_whole_diff_is_not_cut() -> None:
    before, after = "a\n" * 100_000, "b\n" * 90_000
    some = unified("x\n" * 1000, "y\n" * 1000, "a", whole=True)
    long = unified(before, after, "a", whole=True)

    assert (some.count("\n-x") + some.count("\n+y"), some.count("\n")) == (2000, 2000)
    assert long.startswith("@@ -1,100000 +1,90000 @@\n-a\n")
    assert (long.count("\n-a"), long.count("\n+b")) == (100_000, 90_000)
    assert unified("a" * 100_000, "b", "a", whole=True).count("a") > 100_000 - 1
