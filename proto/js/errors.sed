# proto/err.def as a JavaScript module.
1i\
// errors.mjs — made from proto/err.def.\
export const errors = {
s/^ERR(\([A-Z_]*\), \([0-9]*\),.*/  \1: \2,/p
$a\
};
