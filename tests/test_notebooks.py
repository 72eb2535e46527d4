"""The rules that hold for every lesson: its shape, its words, its programs."""

import ast
import json
import re
import subprocess
import sys
from urllib.parse import unquote

import nbformat
import pytest
from fastapi import FastAPI
from lessons import (
    LESSONS,
    cells_of,
    check_in,
    each_lesson,
    exercises_in,
    headings_of,
    is_program,
    lesson,
    markdown_of,
    minutes_of,
    number_of,
    run_cells,
    say,
    section_of,
    tree_of,
    without_code,
    words_of,
)
from machine import ROOT

SOLUTIONS = sorted(ROOT.glob("notebooks/solutions/*.py"))
DOCUMENTS = [ROOT / "README.md", *LESSONS, *sorted(ROOT.glob("notebooks/*.md"))]
LAB = {"labserver", "httpx"}
ALLOWED = {*sys.stdlib_module_names, "fastapi", "sse_starlette", "httpx", "anyio"}  # a program
ALSO_ALLOWED = {13: {"valkey"}}
LONG = (8, 9, 10, 12, 13)  # 8 to 10 are read by section, 12 and 13 start servers

each_solution = pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)


def lines_of(cell):
    return [line for line in cell.source.splitlines() if line.strip()]


def is_text(cell):
    """Whether a cell gives one text a name, such as a configuration of nginx."""
    [node, *others] = tree_of(cell.source).body
    text = isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    return text and isinstance(node.value.value, str) and not others


def imports_of(source):
    """The top names of all modules that `source` imports."""
    found = set()
    for node in ast.walk(tree_of(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." if node.level else node.module.partition(".")[0])
    return found


# The file


@each_lesson
def test_is_a_clean_notebook(path):
    raw = json.loads(path.read_text(encoding="utf-8"))
    nbformat.validate(raw)
    assert (raw["nbformat"], raw["nbformat_minor"]) == (4, 5)
    assert raw["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in raw["cells"]]
    assert len(ids) == len(set(ids)), "cell ids must be unique"
    for cell in cells_of(path):
        assert cell.source.strip(), f"{path.name}: cell {cell.number} is empty"
        assert not cell.get("outputs"), f"outputs are kept in {say(path, cell)}"
        assert cell.get("execution_count") is None, f"a count is kept in {say(path, cell)}"


def test_tree_has_no_checkpoints():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    assert ".ipynb_checkpoints" not in tracked.stdout


# The shape


@each_lesson
def test_begins_with_title_minutes_and_goals(path):
    first = cells_of(path)[0]
    title = path.stem[3:].replace("_", " ")
    assert first.cell_type == "markdown" and first.source.lower().startswith(f"# {title}\n")
    assert [level for level, _ in headings_of(path)].count("#") == 1, "one H1"
    assert minutes_of(path), "a line under the title with `NN minutes`"
    goals = [g for g in section_of(path, "Goals") or [] if re.match(r"[-*]|\d\.", g)]
    assert len(goals) == 3, "three list items under **Goals**"
    vague = r"\W*\d*\W*(?:the|an?|how|what|why|about|understand|know|learn)\b"
    assert not [g for g in goals if re.match(vague, g, re.IGNORECASE)], "goals start with a verb"


@each_lesson
def test_ends_with_recap_and_next(path):
    assert section_of(path, "Recap"), "a heading `## Recap` with text under it"
    assert len(section_of(path, "In practice") or []) <= 3, "In practice: at most three lines"
    following = [other.name for other in LESSONS if other > path]
    link = re.search(r"\bNext\b.*\]\(([^)#]+\.ipynb)\)", cells_of(path)[-1].source)
    if following:
        assert link and link[1] == following[0], f"last cell: Next: [title]({following[0]})"


@each_lesson
def test_is_of_a_readable_size(path):
    number = number_of(path)
    least, most = {0: (8, 28), 7: (20, 44)}.get(number, (20, 60 if number in LONG else 36))
    assert least <= len(cells_of(path)) <= most, "number of cells"
    least, most = {0: (300, 1000)}.get(number, (900, 3000 if number in LONG else 1500))
    assert least <= len(words_of(path)) <= most, "words of Markdown"


@each_lesson
def test_asks_before_it_shows(path):
    text = without_code(markdown_of(path))
    assert "**Predict:** " in text, "a question, in bold: **Predict:** when does …?"
    plain = re.findall(r"(?<!\*\*)\b[Pp]redict:.*", text)
    assert not plain, f"**Predict:** in bold: {plain}"


@each_document
def test_links_resolve_and_images_have_words(path):
    text = without_code(markdown_of(path))
    targets = re.findall(r"\]\(<?([^)\s>]+)", text) + re.findall(
        r'(?:href|src|srcset)="([^"]+)"', text
    )
    for target in targets:
        if re.match(r"https?:|mailto:", target):
            continue
        name, _, anchor = unquote(target).partition("#")
        file = path.parent / name if name else path
        assert file.exists(), f"{path.name}: {target} leads nowhere"
        if anchor:  # as JupyterLab makes them: blanks become hyphens, nothing else changes
            anchors = [re.sub(r"[*_]", "", h).replace(" ", "-") for _, h in headings_of(file)]
            assert anchor.lower() in map(str.lower, anchors), f"{path.name}: no {target}"
    assert "![](" not in text, f"{path.name}: an image without alternative text"
    assert not re.search(r"src=\"[^\"]+\.gif\"", text) or "prefers-reduced-motion" in text
    for image in re.findall(r"<img[^>]*>", text):
        assert re.search(r'alt="[^"]+"', image), f"{path.name}: no alt in {image}"


# The code


@each_lesson
def test_first_code_cell_only_imports(path):
    first, *others = cells_of(path, "code")
    if number_of(path) == 0:
        assert "standalone" in first.tags
        first = others[0]
    kinds = {type(node) for node in tree_of(first.source).body}
    assert kinds <= {ast.Import, ast.ImportFrom}, f"imports only: {say(path, first)}"
    assert imports_of(first.source) <= LAB, f"from {LAB} only: {say(path, first)}"


def test_standalone_cell_speaks_where_nothing_is_installed():
    done = run_standalone_cell(ROOT / "notebooks", "-I", "-S")  # no site-packages
    assert (done.returncode, done.stderr) == (0, "")
    assert "NOT READY" in done.stdout and "install it" in done.stdout, done.stdout


def test_standalone_cell_says_in_one_line_where_to_open_the_notebook(tmp_path):
    done = run_standalone_cell(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    [line] = done.stdout.splitlines()
    assert "the folder notebooks" in line


def run_standalone_cell(folder, *flags):
    cell = cells_of(ROOT / "notebooks/00_start_here.ipynb", "code")[0]
    return subprocess.run(
        [sys.executable, *flags, "-X", "utf8", "-W", "error", "-c", cell.source],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )


@each_lesson
def test_cells_are_short_and_plain(path):
    program_lines = {7: 20, 12: 24, 13: 24, 14: 24}.get(number_of(path), 16)
    for cell in cells_of(path, "code"):
        program = is_program(cell.source)
        limit = program_lines if program or "starter" in cell.tags else 8
        limit = 5 if "standalone" in cell.tags else limit
        limit = 16 if is_text(cell) else limit
        where = say(path, cell)
        tree_of(cell.source)  # plain Python: a magic is a SyntaxError
        assert len(lines_of(cell)) <= limit, f"more than {limit} lines: {where}"
        assert max(map(len, lines_of(cell))) <= 80, f"a line over 80: {where}"
        assert "localhost" not in cell.source, f"127.0.0.1, never localhost: {where}"
        assert program or "@app." not in cell.source, f"a route outside a program: {where}"
        if not program:
            last = tree_of(cell.source).body[-1]
            bare = isinstance(last, ast.Expr) and ast.unparse(last).startswith("checks.")
            quiet = cell.source.rstrip().endswith(";")
            assert quiet or not bare, f"shows a check's bool; end on a semicolon: {where}"
    assert any("timeline(" in cell.source for cell in cells_of(path, "code")), "a timeline"


@each_lesson
def test_programs_run_alone(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    programs = [cell for cell in cells_of(path, "code") if is_program(cell.source)]
    allowed = ALLOWED | ALSO_ALLOWED.get(number_of(path), set())
    for cell in programs:
        assert imports_of(cell.source) <= allowed, f"imports: {say(path, cell)}"
        try:
            main = {"__name__": "main"}
            exec(compile(cell.source, "main.py", "exec"), main)
        except Exception as error:
            pytest.fail(f"{error!r} alone in an empty namespace: {say(path, cell)}")
        assert isinstance(main["app"], FastAPI)
    assert programs or number_of(path) == 0, "no program"


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_old_look_meets_a_404_in_a_newer_program(number):
    """No path is served by two programs: a look run again too late is never a wrong answer."""
    programs = [cell for cell in cells_of(lesson(number), "code") if is_program(cell.source)]
    shown = [cell for cell in programs if "starter" not in cell.tags]
    paths = [
        path for cell in shown for path in re.findall(r'^@app\.\w+\("(.+?)"', cell.source, re.M)
    ]
    assert len(paths) >= len(shown) and len(paths) == len(set(paths)), paths


# The exercises


@each_lesson
def test_exercises_have_check_hints_and_solution(path):
    exercises = list(exercises_in(path))
    number = number_of(path)
    least, most = (0, 0) if number == 0 else (1 if number == 7 or number >= 9 else 2, 3)
    assert least <= len(exercises) <= most, f"{least} to {most} exercises"
    headings = re.findall(r"^### (\d)\. ", markdown_of(path).partition("## Your turn")[2], re.M)
    wanted = [str(place) for place in range(1, len(exercises) + 1)]
    assert headings == wanted or len(exercises) < 2, "### 1. and so on, under ## Your turn"
    for starter, check, texts in exercises:
        name, arguments = check_in(check)
        assert name and arguments, f"checks.name(what the learner made): {say(path, check)}"
        hints = re.findall(r"<details>\s*<summary>(Hint \d)", "\n".join(t.source for t in texts))
        assert hints == ["Hint 1", "Hint 2"], f"two folded hints after {say(path, starter)}"
        solution = ROOT / f"notebooks/solutions/{path.stem[:2]}_{name}.py"
        assert solution.exists(), f"{solution.relative_to(ROOT)} for {say(path, starter)}"


@each_solution
def test_solution_replaces_its_starter(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wanted = {
        f"{lesson.stem[:2]}_{check_in(check)[0]}": (starter, check_in(check)[1])
        for lesson in LESSONS
        for starter, check, _ in exercises_in(lesson)
    }
    assert path.stem in wanted, f"no exercise has the check {path.stem[3:]}"
    starter, names = wanted[path.stem]
    source = path.read_text(encoding="utf-8")
    solved = {"__name__": "main"}
    exec(compile(source, path.name, "exec"), solved)
    assert names <= solved.keys(), f"defines {names}, as its starter does"
    assert imports_of(source) <= ALLOWED | ALSO_ALLOWED.get(number_of(path), set())
    assert is_program(source) == is_program(starter.source), "a program as its starter is"
    assert all(len(line) <= 80 for line in source.splitlines()), "a line over 80"


@pytest.mark.parametrize(
    ("number", "id"),
    [
        (7, "resume-cut"),
        (8, "chat-look"),
        (8, "edit-id-look"),
        (8, "edit-end-look"),
        (10, "error-leaks-look"),
        (10, "error-told-look"),
    ],
)
@pytest.mark.usefixtures("no_server_left")
def test_a_look_at_another_program_ends_in_a_404_and_no_error(number, id, capsys):
    run_cells(lesson(number), "imports", id, given={"app": FastAPI()})
    printed = capsys.readouterr().out
    assert "404" in printed and len(printed.splitlines()) < 30, printed
