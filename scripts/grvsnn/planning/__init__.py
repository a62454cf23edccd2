"""How long runs take: planned jobs, measured costs, estimates, results pages."""
