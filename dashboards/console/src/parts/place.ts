import { useQuery } from "@tanstack/react-query";
import { planQuery } from "../api/queries";
import { useWords } from "../i18n";

/** "building-a/1f/a101" as "Building A / 1F / Room A101"; a part the site has no name for stays as it is. */
export function usePlaceText(): (place: string) => string {
  const { text } = useWords();
  const { data: plan } = useQuery({ ...planQuery, staleTime: Infinity });
  return (place) => {
    const parts = place.split("/");
    return parts
      .map((part, index) => {
        const name = plan?.names[parts.slice(0, index + 1).join("/")];
        return name ? text(name) : part;
      })
      .join(" / ");
  };
}
