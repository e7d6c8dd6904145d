"""No module needs, even for its types alone, a module that needs it."""

import grimp
import networkx


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph("ticketkin", cache_dir=None)
    imports = networkx.DiGraph(
        (module, imported)
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    )
    circles = [sorted(one) for one in networkx.strongly_connected_components(imports) if len(one) > 1]
    assert circles == []
