/*
 * script.h — a .say file: lines as the tap prints them, to be said again, and what must come back.
 *
 *     12:00:01.250 cli > greeter/ann  greet.hello{name="Ann"} #41
 *     12:00:01.262 greeter/ann > cli  greet.greeted{text="hello …" times=*} #57 re 41
 *
 * A line is said to the actor behind `>`: as an ask, if a later line answers it. An answer is
 * compared with what comes back, as it is printed. The format stands in tests/scenario/README.md.
 */
#pragma once
#include "proto/text.h"

enum { SCRIPT_STEPS = 512 };

struct script_step {
	uint32_t line;         /* in the file, from 1 */
	struct text_line said; /* to, type, body, id, business */
	uint32_t answer_line;  /* 0: it is sent, not asked */
	struct str expected;   /* the answer's message with its wildcards; empty when an error is */
	enum err expected_err;
};

struct script {
	struct script_step steps[SCRIPT_STEPS];
	uint32_t n_steps;
};

struct script_fault {
	uint32_t line;
	struct str text;         /* the line */
	struct text_error error; /* column, expected, received */
};

/* Bodies are taken from the arena, views point into `text`. */
MUST enum err script_read(struct str text, struct arena *a, struct script *ret,
                          struct script_fault *ret_fault);

/* Does what came back fit? In `expected`, `*` in place of a value is any value, `…` any text. */
bool script_fits(struct str printed, struct str expected);
