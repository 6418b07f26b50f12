#include "textflag.h"

// func prefetch(place unsafe.Pointer)
TEXT ·prefetch(SB), NOSPLIT, $0-8
	MOVQ place+0(FP), AX
	PREFETCHT0 (AX)
	RET
