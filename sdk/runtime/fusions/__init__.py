"""Which nodes of a network one operator of ``cpp_ext`` stands for, kind by kind."""
